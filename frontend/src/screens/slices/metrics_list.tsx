import { useSignal } from "@preact/signals";
import { Button } from "../../ui/fields";
import { MetricNames } from "./metric_names";
import { MetricRow } from "./metric_row";
import { useView } from "./use_view";

/** More than so many metrics are chosen by typing. */
const MANY = 120;

/** Which metrics are columns, and their order: by check boxes, by dragging, or as typed names. */
export function MetricsList() {
  const view = useView();
  const { store } = view;
  const available = view.available.value.map((metric) => metric.id);
  const chosen = view.columns.value.map((metric) => metric.id);
  // a metric that is unchecked stays where it is
  const places = useSignal(chosen);
  const order = completed(places.value, chosen, available);
  const last = useSignal(-1);

  const show = (ids: readonly string[]): void => {
    const isDefault =
      ids.length === available.length && ids.every((id, at) => id === available[at]);
    store.set({ m: isDefault ? [] : [...ids, ...view.unknown.value] });
  };
  const check = (index: number, checked: boolean, isRange: boolean): boolean => {
    const from = isRange && last.value >= 0 ? last.value : index;
    const changed = order.slice(Math.min(from, index), Math.max(from, index) + 1);
    const next = order.filter((id) => (changed.includes(id) ? checked : chosen.includes(id)));
    if (next.length === 0) {
      store.say("One metric at least is shown");
      return false;
    }
    last.value = index;
    places.value = order;
    show(next);
    return true;
  };
  const move = (from: number, to: number): void => {
    if (to < 0 || to >= order.length || to === from) return;
    const next = order.toSpliced(from, 1).toSpliced(to, 0, order[from]!);
    places.value = next;
    show(next.filter((id) => chosen.includes(id)));
  };
  return (
    <div class="metrics">
      <MetricNames
        onApply={(ids) => {
          places.value = ids;
          store.set({ m: ids });
        }}
      />
      <ul>
        {order.slice(0, MANY).map((id, index) => (
          <MetricRow
            key={id}
            metric={store.model.metrics.get(id)!}
            index={index}
            checked={chosen.includes(id)}
            onCheck={(checked, isRange) => check(index, checked, isRange)}
            onMove={(to) => move(index, to)}
            onOnly={() => show([id])}
          />
        ))}
      </ul>
      {order.length > MANY && (
        <p class="count">And {order.length - MANY} more: type their names above.</p>
      )}
      <div class="controls">
        <Button
          onClick={() => {
            places.value = available;
            store.set({ m: [] });
          }}
        >
          Reset
        </Button>
        <span class="count">Shift and a click check all between.</span>
      </div>
    </div>
  );
}

/** All metrics: where they were put last, then the chosen ones, then the others. */
function completed(
  places: readonly string[],
  chosen: readonly string[],
  available: readonly string[],
): string[] {
  const kept = places.filter((id) => available.includes(id));
  const isInStep = isSubsequence(chosen, kept);
  return [...new Set([...(isInStep ? kept : []), ...chosen, ...available])];
}

/** Whether columns that were moved elsewhere are still in the order of this list. */
function isSubsequence(some: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  for (const one of all) if (one === some[at]) at++;
  return at === some.length;
}
