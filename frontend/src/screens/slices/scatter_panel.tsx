import { useMemo } from "preact/hooks";
import { ScatterChart } from "../../charts/scatter_chart";
import { formatValue, plural, shorten } from "../../logic/format";
import { noiseOf } from "../../logic/noise";
import { Empty } from "../../ui/empty";
import { Select } from "../../ui/fields";
import { ChartMetric } from "./chart_panel";
import { useView } from "./use_view";

const NOTES = {
  intervals: "Within the shaded funnel slices differ no more than their intervals let expect.",
  proportions:
    "Within the shaded funnel slices differ no more than shares of so few examples do by chance.",
};

/** A metric against the weight of the slices, or against another metric. */
export function ScatterPanel() {
  const view = useView();
  const { store } = view;
  const metric = view.chartMetric.value!;
  const values = view.values(metric.id)!;
  const others = view.numeric.value.filter(({ id }) => id !== metric.id);
  const weightId = view.weightId.value;
  const against = [store.state.value.y, weightId, others[0]?.id].find(
    (id) => id && id !== metric.id && view.values(id),
  );
  const rows = view.rows.value;
  const isWeight = against === weightId;
  const baseline = values.v[view.baseline.value] ?? Number.NaN;
  const noise = useMemo(
    () =>
      isWeight && view.weights.value && Number.isFinite(baseline)
        ? noiseOf(view.present.value, values, view.weights.value, baseline, metric.range)
        : undefined,
    [view.present.value, values, isWeight, baseline, metric],
  );
  const controls = (
    <div class="controls">
      <ChartMetric />
      <Select
        label="Against"
        value={against ?? ""}
        options={others.map(({ id, label }) => ({ value: id, label }))}
        onChange={(y) => store.set({ y })}
      />
    </div>
  );
  const other = against ? view.values(against) : undefined;
  if (!other) {
    return (
      <>
        {controls}
        <Empty>There is only one metric of numbers; this chart needs two.</Empty>
      </>
    );
  }
  const label = store.model.metrics.get(against!)?.label ?? against!;
  const isCount = store.model.metrics.get(against!)?.kind === "count" || isWeight;
  const textOf = (row: number): string =>
    `${shorten(view.name(row), 200)}: ${metric.label} ${formatValue(values.v[row])}, ${label} ${formatValue(other.v[row])}`;
  return (
    <>
      {controls}
      {rows.length === 0 ? (
        <Empty>No slice passes the filters.</Empty>
      ) : (
        <ScatterChart
          label={`${metric.label} of ${plural(rows.length, "slice")} against ${label}. The table has the same slices.`}
          rows={rows}
          x={other.v}
          y={values.v}
          xLabel={label}
          yLabel={metric.label}
          logarithmic={isCount}
          line={baseline}
          noise={noise && ((weight) => noise.width / Math.sqrt(weight))}
          selected={view.selected.value}
          textOf={textOf}
          onSelect={(row) => store.select(view.name(row))}
        />
      )}
      <p class="count">
        {noise && NOTES[noise.from]}
        {Number.isFinite(baseline) && ` Dashed: ${view.name(view.baseline.value)}.`}
      </p>
    </>
  );
}
