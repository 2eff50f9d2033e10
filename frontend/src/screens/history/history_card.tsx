import { type Signal, useComputed } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { LineChart, type Place } from "../../charts/line_chart";
import { formatChange, formatValue } from "../../logic/format";
import type { Along, RunAxis } from "../../logic/run_axis";
import { factsAsText, pointFacts } from "../../logic/run_words";
import { extentOf, nextPlace, type Series, seriesOf } from "../../logic/series";
import type { Metric } from "../../report/contract";
import type { Store } from "../../state/store";
import { useStore } from "../../state/use";
import { Change } from "../../ui/change";
import { Empty } from "../../ui/empty";
import { Button } from "../../ui/fields";
import { openRun } from "./open_run";
import type { MarkedRun } from "./runs_table";

interface Props {
  metric: Metric;
  axis: RunAxis;
  along: Along;
  slices: readonly string[];
  marked: Signal<MarkedRun | null>;
  maxPoints: number;
  onClose(): void;
}

/** The graph of a metric. */
export function HistoryCard({ metric, axis, along, slices, marked, maxPoints, onClose }: Props) {
  const store = useStore();
  const { model } = store;
  const version = store.version.value;
  const names = slices.join("\n");
  const series = useMemo(
    () => slices.map((slice) => seriesOf(model, axis.runs, metric.id, slice)),
    [model, version, axis, metric.id, names],
  );
  const shown = useRef({ axis, slices });
  shown.current = { axis, slices };
  const place = useComputed(() => placeOf(marked.value, metric.id, shown.current));
  const weight = model.metrics.get(model.source.weight ?? "")?.label ?? "Examples";
  const facts = ({ index, series: s }: Place): [string, string][] =>
    pointFacts(axis.runs[index]!, metric, series[s]!, index, weight);
  const mark = (to: Place | null): void => {
    const run = to && axis.runs[to.index];
    marked.value = run ? { run: run.id, slice: slices[to.series]!, metric: metric.id } : null;
  };
  return (
    <section class="card history-card" aria-label={metric.label}>
      <div class="history-head">
        <h2 title={metric.doc}>{metric.label}</h2>
        <Latest metric={metric} series={series[0]!} />
        <Button quiet label={`Close ${metric.label}`} onClick={onClose}>
          ✕
        </Button>
      </div>
      {extentOf(series) ? (
        <LineChart
          summary={summaryOf(metric, series, along)}
          positions={axis.positions}
          labels={axis.labels}
          axisLabel={along === "model" ? "Model run" : "Data span"}
          series={series}
          range={metric.range}
          maxPoints={maxPoints}
          marked={place}
          text={(to) => factsAsText(facts(to))}
          tip={(to) => <Facts facts={facts(to)} />}
          onMark={mark}
          onChoose={({ index, series: s }) => openRun(store, axis.runs[index]!.id, slices[s])}
        />
      ) : (
        <Missing store={store} />
      )}
    </section>
  );
}

/** The newest value, and how it changed against the one before it. */
function Latest({ metric, series: { v } }: { metric: Metric; series: Series }) {
  const last = nextPlace(v, v.length, -1);
  if (last === v.length) return null;
  const before = nextPlace(v, last, -1);
  const change = before === last ? Number.NaN : v[last]! - v[before]!;
  return (
    <span class="latest">
      <b>{formatValue(v[last])}</b>{" "}
      {!Number.isNaN(change) && (
        <span title={`${formatChange(change)} against the run before`}>
          <Change metric={metric} change={change} />
        </span>
      )}
    </span>
  );
}

function Facts({ facts }: { facts: readonly [string, string][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Missing({ store }: { store: Store }) {
  return (
    <Empty>
      {store.coming.value > 0
        ? "Loading …"
        : "No run has a number of this metric for the chosen slices."}
    </Empty>
  );
}

function placeOf(
  marked: MarkedRun | null,
  metric: string,
  { axis, slices }: { axis: RunAxis; slices: readonly string[] },
): (Place & { own: boolean }) | null {
  if (!marked) return null;
  const index = axis.runs.findIndex(({ id }) => id === marked.run);
  const series = Math.max(0, slices.indexOf(marked.slice ?? ""));
  return index < 0 ? null : { index, series, own: marked.metric === metric };
}

function summaryOf(metric: Metric, series: readonly Series[], along: Along): string {
  const { name, v } = series[0]!;
  const numbers = v.filter((value) => !Number.isNaN(value));
  const extent = extentOf([{ ...series[0]!, lo: v, hi: v }]);
  const more = series.length > 1 ? ` and of ${series.length - 1} more slices` : "";
  const told = extent
    ? `${numbers.length} of ${v.length} runs have a value, from ${formatValue(extent[0])} ` +
      `to ${formatValue(extent[1])}, the last ${formatValue(numbers.at(-1))}`
    : "no run has a value";
  const way = along === "model" ? "model runs" : "data spans";
  return `${metric.label} of ${name}${more} along ${way}: ${told}.`;
}
