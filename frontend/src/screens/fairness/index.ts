import type { ScreenSpec } from "..";
import { FairnessScreen } from "./fairness_screen";

export const fairness: ScreenSpec = {
  id: "fairness",
  label: "Fairness",
  has: (model) => model.slices.size > 1,
  view: FairnessScreen,
};
