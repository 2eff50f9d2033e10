import { hasScreen } from "../../logic/offered";
import type { Store } from "../../state/store";

/** Shows a run's slices, as far as the report has that screen. */
export function openRun(store: Store, run: string, slice?: string): void {
  if (!hasScreen(store.model, "slices")) return;
  store.go("slices", { run, ...(slice ? { sel: slice } : {}) });
}
