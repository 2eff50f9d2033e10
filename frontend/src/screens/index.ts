import type { ComponentType } from "preact";
import type { Model } from "../report/model";
import type { Screen } from "../state/state";
import { compare } from "./compare";
import { fairness } from "./fairness";
import { history } from "./history";
import { plots } from "./plots";
import { slices } from "./slices";
import { summary } from "./summary";

/** One tab of the app. */
export interface ScreenSpec {
  id: Screen;
  label: string;
  /** Whether a report has something for it to show, here or with its host. */
  has(model: Model): boolean;
  view: ComponentType;
}

/** All screens, in the order of their tabs. */
export const screens: readonly ScreenSpec[] = [summary, slices, history, plots, compare, fairness];

/** The screens that a report has. */
export function screensOf(model: Model): ScreenSpec[] {
  const wanted = model.source.screens;
  const found = screens.filter((screen) => {
    return wanted ? wanted.includes(screen.id) : screen.has(model);
  });
  return found.length > 0 ? found : [slices];
}
