import { useView } from "./use_view";

export function Drawer() {
  const view = useView();
  if (view.selected.value < 0) return null;
  return <aside aria-label="Slice details">{view.name(view.selected.value)}</aside>;
}
