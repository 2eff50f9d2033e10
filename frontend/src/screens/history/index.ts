import { historyOf } from "../../logic/run_axis";
import type { ScreenSpec } from "..";
import { HistoryScreen } from "./history_screen";

export const history: ScreenSpec = {
  id: "history",
  label: "History",
  has: (model) => historyOf(model.runs).length > 1,
  view: HistoryScreen,
};
