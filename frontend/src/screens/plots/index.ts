import { drawableMetrics } from "../../logic/plots_of_values";
import type { ScreenSpec } from "..";
import { PlotsScreen } from "./plots_screen";

export const plots: ScreenSpec = {
  id: "plots",
  label: "Plots",
  has: (model) =>
    model.plotSlices.size > 0 || model.runs.some(({ id }) => drawableMetrics(model, id).length > 0),
  view: PlotsScreen,
};
