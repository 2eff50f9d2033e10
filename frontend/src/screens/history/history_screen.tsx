import { useStore } from "../../state/use";
import { Empty } from "../../ui/empty";

export function HistoryScreen() {
  const { model } = useStore();
  return <Empty>{model.title}</Empty>;
}
