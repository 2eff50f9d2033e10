import { formatValue } from "../../logic/format";
import { useView } from "./use_view";

/** The range that slices are limited to, and what takes it away. */
export function RangeChip() {
  const { store, range } = useView();
  if (!range.value) return null;
  const { metric, lo, hi } = range.value;
  const label = store.model.metrics.get(metric)?.label ?? metric;
  return (
    <span class="chip">
      {label} in [{formatValue(lo)}, {formatValue(hi)}]
      <button
        type="button"
        class="button quiet"
        aria-label="Clear range"
        onClick={() => store.set({ f: null })}
      >
        ✕
      </button>
    </span>
  );
}
