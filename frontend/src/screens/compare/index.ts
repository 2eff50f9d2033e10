import type { ScreenSpec } from "..";
import { CompareScreen } from "./compare_screen";

export const compare: ScreenSpec = {
  id: "compare",
  label: "Compare",
  has: (model) => model.runs.length > 1,
  view: CompareScreen,
};
