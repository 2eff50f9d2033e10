import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { SlicesView } from "./view";

export const ViewContext = createContext<SlicesView | null>(null);

/** What the screen shows. */
export function useView(): SlicesView {
  const view = useContext(ViewContext);
  if (!view) throw new Error("no slices around this component");
  return view;
}
