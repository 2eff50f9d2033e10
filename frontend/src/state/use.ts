import { createContext } from "preact";
import { useContext, useEffect } from "preact/hooks";
import type { Run } from "../report/contract";
import type { Store } from "./store";

export const StoreContext = createContext<Store | null>(null);

/** The store of the app that a component stands in. */
export function useStore(): Store {
  const store = useContext(StoreContext);
  if (!store) throw new Error("no store around this component");
  return store;
}

/** A key that works while the component is shown. */
export function useShortcut(key: string, what: string, run: () => void): void {
  const store = useStore();
  useEffect(() => store.shortcut({ key, what, run }), [store, key, what, run]);
}

/** Has the host give what is missing of a run. */
export function useRun(run: Run | undefined): void {
  const store = useStore();
  const missing = run?.complete === false ? run.id : "";
  useEffect(() => {
    if (missing) void store.need({ kind: "run", run: missing });
  }, [store, missing]);
}
