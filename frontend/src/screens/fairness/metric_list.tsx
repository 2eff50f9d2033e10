import { useSignal } from "@preact/signals";
import { shorten } from "../../logic/format";
import { useStore } from "../../state/use";
import { Button, Checkbox } from "../../ui/fields";
import type { FairnessView } from "./view";

/** So many metrics are listed; the others are found by their names. */
const LISTED = 60;
/** From so many metrics on there is a field to find one. */
const FIND_FROM = 12;

/** The metrics, each with a check box; what they mean is told by pointing at them. */
export function MetricList({ view }: { view: FairnessView }) {
  const store = useStore();
  const query = useSignal("");
  const { families, chosen } = view;
  const keys = new Set(chosen.map(({ key }) => key));
  const wanted = query.value.toLowerCase();
  const found = families.filter(({ label }) => label.toLowerCase().includes(wanted));
  const set = (key: string, isOn: boolean): void => {
    const after = families.filter((one) => (one.key === key ? isOn : keys.has(one.key)));
    store.set({ fm: after.map((one) => one.key) });
  };
  const areAll = keys.size === families.length;
  return (
    <nav class="fair-metrics" aria-label="Metrics">
      <div class="fair-metrics-head">
        <strong>Metrics</strong>
        <Button
          quiet
          onClick={() => store.set({ fm: areAll ? [] : families.map(({ key }) => key) })}
        >
          {areAll ? "Only the first" : "Select all"}
        </Button>
      </div>
      {families.length >= FIND_FROM && (
        <input
          type="search"
          aria-label="Find metrics"
          placeholder="Find"
          value={query.value}
          onInput={(event) => {
            query.value = event.currentTarget.value;
          }}
        />
      )}
      <ul>
        {found.slice(0, LISTED).map(({ key, label, doc, metrics }) => (
          <li key={key} title={doc ?? label}>
            <Checkbox
              label={
                metrics.length > 1
                  ? `${shorten(label)} (${metrics.length} thresholds)`
                  : shorten(label)
              }
              checked={keys.has(key)}
              disabled={keys.has(key) && keys.size === 1}
              onChange={(isOn) => set(key, isOn)}
            />
          </li>
        ))}
      </ul>
      {found.length > LISTED && (
        <p class="dim">
          The first {LISTED} of {found.length}
        </p>
      )}
    </nav>
  );
}
