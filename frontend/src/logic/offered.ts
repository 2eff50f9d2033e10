import type { Report } from "../report/contract";
import type { Model } from "../report/model";

/** Whether a report wants a screen to be shown. */
export function hasScreen(model: Model, screen: NonNullable<Report["screens"]>[number]): boolean {
  return model.source.screens?.includes(screen) ?? true;
}
