import { useCallback, useRef } from "preact/hooks";
import { formatValue } from "../../logic/format";
import { useShortcut } from "../../state/use";
import { NumberField, Slider } from "../../ui/fields";
import { useView } from "./use_view";

/** Steps of the slider, evenly spread over the logarithm of the weight; the first one is 0. */
const STEPS = 100;

/** The smallest weighted number of examples of what is shown. */
export function LeastWeight() {
  const { store, weights, mostWeight } = useView();
  if (!weights.value) return null;
  const { w } = store.state.value;
  const most = mostWeight.value;
  const step =
    w <= 0 ? 0 : 1 + ((STEPS - 1) * Math.log(Math.max(1, w))) / Math.log(Math.max(2, most));
  const set = (least: number): void => store.set({ w: least });
  return (
    <div class="least-weight">
      <NumberField
        label="Minimum weighted examples"
        value={w}
        min={0}
        max={Number.MAX_SAFE_INTEGER}
        step="any"
        onChange={set}
      />
      <Slider
        label="Minimum weighted examples slider"
        value={Math.min(STEPS, step)}
        min={0}
        max={STEPS}
        text={`at least ${formatValue(w)}`}
        onChange={(next) => set(weightAt(next, most))}
      />
    </div>
  );
}

/** What the slider means, with two digits; at its end, the largest weight there is. */
function weightAt(step: number, most: number): number {
  if (step <= 0) return 0;
  if (step >= STEPS) return most;
  const exact = Math.max(2, most) ** ((step - 1) / (STEPS - 1));
  return Number(exact.toPrecision(2));
}

/** Finds slices by what is in their names. */
export function Find() {
  const { store } = useView();
  const box = useRef<HTMLInputElement>(null);
  const focus = useCallback(() => box.current?.focus(), []);
  useShortcut("/", "find slices", focus);
  return (
    <label class="field">
      <span>Find slices</span>
      <input
        ref={box}
        type="search"
        placeholder="part of a name"
        value={store.state.value.q}
        onInput={(event) => store.set({ q: event.currentTarget.value })}
      />
    </label>
  );
}
