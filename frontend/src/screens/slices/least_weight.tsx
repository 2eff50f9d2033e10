import { formatValue } from "../../logic/format";
import { Slider } from "../../ui/fields";
import { LeastWeightField } from "../../ui/row_filters";
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
      <LeastWeightField value={w} onChange={set} />
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
