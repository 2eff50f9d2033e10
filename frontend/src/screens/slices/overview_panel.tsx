import { type Bar, BarChart } from "../../charts/bar_chart";
import { formatChange, formatValue, plural, shorten } from "../../logic/format";
import type { Metric } from "../../report/contract";
import type { SortKey } from "../../state/state";
import { Empty } from "../../ui/empty";
import { Button, Checkbox, Select } from "../../ui/fields";
import { ChartMetric } from "./chart_panel";
import { useView } from "./use_view";
import { SLICE, type SlicesView } from "./view";

const MOST = 200;
const BY_NAME: SortKey = { by: SLICE, descending: false };

/** A bar a slice. */
export function OverviewPanel() {
  const view = useView();
  const { store } = view;
  const key = store.state.value.cs ?? BY_NAME;
  const metric = view.chartMetric.value!;
  const rows = view.sort(view.rowsByName.value, [key]);
  const shown = rows.subarray(0, MOST);
  const { caption, short } = namingOf(view, shown);
  const bars = Array.from(shown, (row) => barOf(view, metric, row, key.by, short));
  const baseline = view.values(metric.id)?.v[view.baseline.value] ?? Number.NaN;
  const fromZero = store.state.value.ya ? store.state.value.ya === "zero" : !isNarrow(bars);
  const more = rows.length > MOST ? `; these are the first ${MOST}` : "";
  return (
    <>
      <div class="controls">
        <ChartMetric />
        <Select
          label="Sort by"
          value={key.by}
          options={[
            { value: SLICE, label: "Slice" },
            ...view.numeric.value.map(({ id, label }) => ({ value: id, label })),
          ]}
          onChange={(by) => store.set({ cs: { by, descending: by !== SLICE } })}
        />
        <Button
          label="Sort direction"
          title={key.descending ? "Largest first" : "Smallest first"}
          onClick={() => store.set({ cs: { ...key, descending: !key.descending } })}
        >
          {key.descending ? "↓" : "↑"}
        </Button>
        <Checkbox
          label="Axis from 0"
          checked={fromZero}
          onChange={(zero) => store.set({ ya: zero ? "zero" : "fit" })}
        />
      </div>
      {bars.length === 0 ? (
        <Empty>No slice passes the filters.</Empty>
      ) : (
        <BarChart
          label={`${metric.label} of ${plural(rows.length, "slice")}${more}. Arrow keys move, Enter selects.`}
          bars={bars}
          caption={caption}
          fromZero={fromZero}
          line={baseline}
          lineLabel={view.name(view.baseline.value)}
          selected={store.state.value.sel}
          onSelect={(name) => store.select(name)}
        />
      )}
      {rows.length > MOST && (
        <p class="count">
          The first {MOST} of {plural(rows.length, "slice")} in this order. Filters and sorting
          bring others here; the table has all.
        </p>
      )}
    </>
  );
}

/**
 * How slices are called below their bars: by their values, where those of one feature are not among
 * others.
 */
function namingOf(view: SlicesView, rows: Int32Array): { caption: string; short: Naming } {
  const { keys, featureCodes, features } = view.store.model.slices;
  const codes = new Set(Array.from(rows, (row) => featureCodes[row]!));
  codes.delete(features.indexOf(""));
  const isOne = codes.size === 1;
  return {
    caption: isOne ? features[[...codes][0]!]! : "",
    short: (row) => {
      const key = keys[row]!;
      return key.length > (isOne ? 0 : 1)
        ? key.map(([, value]) => value).join(" × ")
        : view.name(row);
    },
  };
}

type Naming = (row: number) => string;

function barOf(
  view: SlicesView,
  metric: Metric,
  row: number,
  sortedBy: string,
  short: Naming,
): Bar {
  const values = view.values(metric.id)!;
  const name = view.name(row);
  const value = values.v[row]!;
  const [lo, hi] = [values.lo?.[row] ?? Number.NaN, values.hi?.[row] ?? Number.NaN];
  const told = [
    `${shorten(name, 200)}: ${metric.label} ${values.why.get(row) ?? formatValue(value)}`,
  ];
  if (!Number.isNaN(lo)) told.push(`(${formatValue(lo)} to ${formatValue(hi)})`);
  const change = value - view.reference(metric, row);
  const than = view.base.value ? "the baseline run" : view.name(view.baseline.value);
  if (!Number.isNaN(change)) told.push(`, ${formatChange(change)} against ${than}`);
  const weight = view.weights.value?.[row];
  if (weight !== undefined) told.push(`, ${formatValue(weight)} weighted examples`);
  if (sortedBy !== SLICE && sortedBy !== metric.id && sortedBy !== view.weightId.value) {
    const label = view.store.model.metrics.get(sortedBy)?.label ?? sortedBy;
    told.push(`, ${label} ${formatValue(view.values(sortedBy)?.v[row])}`);
  }
  return { name, short: short(row), value, lo, hi, text: told.join(" ").replaceAll(" ,", ",") };
}

/** Whether bars from 0 would all look the same. */
function isNarrow(bars: readonly Bar[]): boolean {
  const values = bars.map((bar) => bar.value).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length > 1 && high - low < 0.25 * Math.max(Math.abs(low), Math.abs(high));
}
