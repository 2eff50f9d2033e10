import type { ScreenSpec } from "..";
import { SlicesScreen } from "./slices_screen";

export const slices: ScreenSpec = {
  id: "slices",
  label: "Slices",
  has: (model) => model.runs.length > 0,
  view: SlicesScreen,
};
