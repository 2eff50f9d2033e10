import { useSignal } from "@preact/signals";
import { useCallback, useMemo } from "preact/hooks";
import { HistogramChart } from "../../charts/histogram_chart";
import { RangeStrip } from "../../charts/range_strip";
import { formatValue, plural, shorten } from "../../logic/format";
import { extentOf, histogramOf, MAX_BUCKETS, rowsIn } from "../../logic/histogram";
import type { Metric } from "../../report/contract";
import { useShortcut } from "../../state/use";
import { Dialog } from "../../ui/dialog";
import { Empty } from "../../ui/empty";
import { Button, Checkbox, NumberField, Select, Slider } from "../../ui/fields";
import { ChartMetric } from "./chart_panel";
import { useView } from "./use_view";
import type { SlicesView } from "./view";

const BINS = 300;

/** How many slices have which values. */
export function HistogramPanel() {
  const view = useView();
  const { store } = view;
  const { k } = store.state.value;
  const hasWeights = view.weights.value !== undefined;
  useBucketKeys(view);
  return (
    <>
      <div class="controls">
        <ChartMetric />
        {hasWeights && (
          <Select
            label="Count"
            value={k}
            options={[
              { value: "slices", label: "Slices" },
              { value: "examples", label: "Weighted examples" },
              { value: "both", label: "Both" },
            ]}
            onChange={(value) => store.set({ k: value as typeof k })}
          />
        )}
        <Settings />
      </div>
      <Chart metric={view.chartMetric.value!} count={hasWeights ? k : "slices"} />
    </>
  );
}

interface ChartProps {
  metric: Metric;
  count: "slices" | "examples" | "both";
}

function Chart({ metric, count }: ChartProps) {
  const view = useView();
  const { store } = view;
  const { b, log, ib } = store.state.value;
  const { v } = view.values(metric.id)!;
  const weights = view.weights.value;
  const pool = view.pool.value;
  const [baseline, selected] = [view.baseline.value, view.selected.value];
  const rows = useMemo(
    () => (ib ? pool : pool.filter((row) => row !== baseline)),
    [pool, baseline, ib],
  );
  const extent = useMemo(() => extentOf(rows, v), [rows, v]);
  const bins = useMemo(() => histogramOf(rows, v, undefined, BINS), [rows, v]);
  const chosen = view.range.value?.metric === metric.id ? view.range.value : null;
  const range = chosen ? ([chosen.lo, chosen.hi] as const) : null;
  const histogram = useMemo(
    () => histogramOf(rows, v, weights, b, range ?? undefined),
    [rows, v, weights, b, range?.[0], range?.[1]],
  );
  if (!extent) return <Empty>No slice here has a value of {metric.label}.</Empty>;
  const counted = histogram.slices.reduce((sum, one) => sum + one, 0);
  const setRange = (next: readonly [number, number] | null): void =>
    store.set({ f: next && { metric: metric.id, lo: next[0], hi: next[1] } });
  const members = (bucket: number): Int32Array => rowsIn(histogram, bucket, rows, v);
  return (
    <>
      <HistogramChart
        label={
          `${plural(counted, "slice")} by ${metric.label}, ` +
          `${formatValue(histogram.lo)} to ${formatValue(histogram.hi)}. ` +
          "Arrow keys move, Enter limits the range to a bucket."
        }
        histogram={histogram}
        count={count}
        logarithmic={log}
        marked={v[selected] ?? Number.NaN}
        markedLabel={shorten(view.name(selected), 30)}
        line={v[baseline] ?? Number.NaN}
        lineLabel={view.name(baseline)}
        namesOf={(bucket) =>
          Array.from(members(bucket).subarray(0, 5), (row) => shorten(view.name(row)))
        }
        onChoose={(bucket) => setRange(extentOf(members(bucket), v) ?? null)}
      />
      <RangeStrip
        label={metric.label}
        lo={extent[0]}
        hi={extent[1]}
        counts={bins.slices}
        range={range}
        onChange={setRange}
      />
      <p class="count">
        {bins.missing > 0 &&
          `${plural(bins.missing, "slice")} without a value of ${metric.label}. `}
        {!ib && baseline >= 0 && `Without the baseline slice, ${shorten(view.name(baseline))}.`}
      </p>
    </>
  );
}

function Settings() {
  const { store } = useView();
  const { b, log, ib } = store.state.value;
  const open = useSignal(false);
  return (
    <span class="anchor">
      <Button
        label="Histogram settings"
        title="Buckets, scale"
        expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        ⚙
      </Button>
      {open.value && (
        <Dialog
          title="Histogram settings"
          onClose={() => {
            open.value = false;
          }}
        >
          <div class="stack">
            <div class="least-weight">
              <NumberField
                label="Number of buckets"
                value={b}
                min={1}
                max={MAX_BUCKETS}
                onChange={(value) => store.set({ b: Math.round(value) })}
              />
              <Slider
                label="Number of buckets slider"
                value={b}
                min={1}
                max={MAX_BUCKETS}
                onChange={(value) => store.set({ b: value })}
              />
            </div>
            <Checkbox
              label="Logarithmic scale"
              checked={log}
              onChange={(value) => store.set({ log: value })}
            />
            <Checkbox
              label="Include the baseline slice"
              checked={ib}
              onChange={(value) => store.set({ ib: value })}
            />
          </div>
        </Dialog>
      )}
    </span>
  );
}

function useBucketKeys({ store }: SlicesView): void {
  const change = (by: number): void => {
    const b = store.state.peek().b + by;
    if (b >= 1 && b <= MAX_BUCKETS) store.set({ b });
  };
  const fewer = useCallback(() => change(-1), [store]);
  const more = useCallback(() => change(1), [store]);
  useShortcut("[", "fewer buckets", fewer);
  useShortcut("]", "more buckets", more);
}
