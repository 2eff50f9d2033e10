import { useSignal } from "@preact/signals";
import { Sparkline } from "../../charts/sparkline";
import { formatCell, formatHalf } from "../../logic/cell_format";
import { halfInterval } from "../../logic/difference";
import { formatValue } from "../../logic/format";
import type { Metric } from "../../report/contract";
import { Button } from "../../ui/fields";
import { Difference, fullText } from "./metric_cell";
import { useView } from "./use_view";
import type { SlicesView } from "./view";

/** So many metrics are shown at first. */
const MANY = 60;

/** All numbers of a slice, beside what they are compared with. */
export function SliceMetrics({ row }: { row: number }) {
  const view = useView();
  const all = useSignal(false);
  const metrics = view.available.value.filter((metric) => view.values(metric.id));
  const shown = all.value ? metrics : metrics.slice(0, MANY);
  const baseline = view.baseline.value;
  const hasBase = view.base.value !== "" || (baseline >= 0 && baseline !== row);
  const hasCourse = view.store.model.runs.length > 1;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too */}
      <div class="drawer-table" tabIndex={0} role="region" aria-label="Metrics of the slice">
        <table>
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">Value</th>
              {hasBase && (
                <th scope="col" title={view.base.value ? "baseline run" : view.name(baseline)}>
                  Baseline
                </th>
              )}
              {hasBase && <th scope="col">Change</th>}
              {hasCourse && <th scope="col">Runs</th>}
            </tr>
          </thead>
          <tbody>
            {shown.map((metric) => (
              <MetricLine key={metric.id} {...{ view, metric, row, hasBase, hasCourse }} />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < metrics.length && (
        <Button
          onClick={() => {
            all.value = true;
          }}
        >
          {`Show all ${metrics.length}`}
        </Button>
      )}
    </>
  );
}

interface LineProps {
  view: SlicesView;
  metric: Metric;
  row: number;
  hasBase: boolean;
  hasCourse: boolean;
}

function MetricLine({ view, metric, row, hasBase, hasCourse }: LineProps) {
  const values = view.values(metric.id)!;
  const value = values.v[row]!;
  const isCount = metric.kind === "count";
  const half = halfInterval(values, row);
  const reference = view.base.value
    ? (view.baseValues(metric.id)?.v[row] ?? Number.NaN)
    : (values.v[view.baseline.value] ?? Number.NaN);
  return (
    <tr>
      <th scope="row" title={metric.doc}>
        {metric.label}
      </th>
      <td title={fullText(values, row)}>
        {Number.isNaN(value) ? (values.why.get(row) ?? "–") : formatCell(value, isCount)}
        {!Number.isNaN(half) && <i> ±{formatHalf(half)}</i>}
      </td>
      {hasBase && (
        <td>{Number.isNaN(reference) ? formatValue(reference) : formatCell(reference, isCount)}</td>
      )}
      {hasBase && (
        <td>
          <Difference metric={metric} change={value - view.reference(metric, row)} />
        </td>
      )}
      {hasCourse && (
        <td>
          <Course view={view} metric={metric} row={row} />
        </td>
      )}
    </tr>
  );
}

/** The metric over the runs that are here. */
function Course({
  view: { store },
  metric,
  row,
}: {
  view: SlicesView;
  metric: Metric;
  row: number;
}) {
  const values = store.model.runs.map((run) => store.model.value(run.id, metric.id, row));
  const known = values.filter(Number.isFinite);
  if (known.length < 2) return null;
  return (
    <Sparkline
      values={values}
      label={`${metric.label} over ${known.length} runs: ${formatValue(known[0])} to ${formatValue(known.at(-1))}`}
    />
  );
}
