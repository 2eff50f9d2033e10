import type { ScreenSpec } from "..";
import { SummaryScreen } from "./summary_screen";

export const summary: ScreenSpec = {
  id: "summary",
  label: "Summary",
  has: (model) => model.runs.length > 0,
  view: SummaryScreen,
};
