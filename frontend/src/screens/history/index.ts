import type { ScreenSpec } from "..";
import { HistoryScreen } from "./history_screen";

export const history: ScreenSpec = {
  id: "history",
  label: "History",
  has: (model) => model.runs.length > 1,
  view: HistoryScreen,
};
