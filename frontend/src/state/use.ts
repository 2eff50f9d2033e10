import { createContext } from "preact";
import { useContext, useEffect } from "preact/hooks";
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
