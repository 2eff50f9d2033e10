import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { MAX_SERIES, SeriesMark } from "../../charts/series_marks";
import { evaluatorOf, evaluatorsOf } from "../../logic/evaluators";
import { numericMetrics, qualityFirst } from "../../logic/metric_lists";
import { type Along, historyOf, runAxis } from "../../logic/run_axis";
import type { Metric, Run } from "../../report/contract";
import type { Model } from "../../report/model";
import { OVERALL } from "../../report/slices";
import type { Store } from "../../state/store";
import { useStore } from "../../state/use";
import { Empty } from "../../ui/empty";
import { RadioGroup, Select } from "../../ui/fields";
import { MultiChoice } from "../../ui/multi_choice";
import { HistoryCard } from "./history_card";
import { type MarkedRun, RunsTable } from "./runs_table";

/** Points of all cards together; what is left is drawn as lines only. */
const MAX_POINTS = 480;
/** Nothing to walk to in a card is no use. */
const MIN_POINTS = 6;

/** Metrics over models or data: a card for each, and a table of the runs. */
export function HistoryScreen() {
  const store = useStore();
  const { model } = store;
  const { ax, h, hs } = store.state.value;
  const version = store.version.value;
  const along: Along = ax || (model.source.mode === "data_centric_mode" ? "data" : "model");
  const run = store.run.value;
  const axis = useMemo(
    () => runAxis(historyOf(model.runs, run), along),
    [model, version, run, along],
  );
  const metrics = numericMetrics(model);
  const slices = chosenSlices(model, hs);
  const shown = shownMetrics(model, metrics, h);
  const marked = useSignal<MarkedRun | null>(null);
  useSlices(store, slices);
  if (metrics.length === 0) return <Empty>No run has a metric that is one number.</Empty>;
  const setCards = (ids: string[]): void => store.set({ h: ids });
  const perLine = MAX_POINTS / Math.max(1, shown.length * slices.length);
  return (
    <div class="history">
      <div class="controls">
        <EvaluatorChoice runs={model.runs} />
        <Select
          label="Add metric"
          value=""
          options={[
            { value: "", label: "Choose …" },
            ...metrics.map(({ id, label }) => ({
              value: id,
              label,
              disabled: shown.some((metric) => metric.id === id),
            })),
          ]}
          onChange={(id) => id && setCards([...shown.map((metric) => metric.id), id])}
        />
        <MultiChoice
          label="Slices"
          options={model.slices.names.map((name) => ({ value: name, label: name }))}
          chosen={slices}
          most={MAX_SERIES}
          onChange={(names) => store.set({ hs: names })}
        />
        <RadioGroup<Along>
          label="Along"
          value={along}
          options={[
            { value: "model", label: "Model runs" },
            { value: "data", label: "Data" },
          ]}
          onChange={(value) => store.set({ ax: value })}
        />
        <Legend slices={slices} />
      </div>
      {shown.length === 0 && <Empty>No graph is shown. Add a metric above.</Empty>}
      <div class="history-cards">
        {shown.map((metric) => (
          <HistoryCard
            key={metric.id}
            metric={metric}
            axis={axis}
            along={along}
            slices={slices}
            marked={marked}
            maxPoints={Math.max(MIN_POINTS, Math.floor(perLine))}
            onClose={() => setCards(shown.map(({ id }) => id).filter((id) => id !== metric.id))}
          />
        ))}
      </div>
      <RunsTable metrics={metrics} slice={slices[0]!} marked={marked} />
    </div>
  );
}

/** Whose runs are shown, where several evaluated: each has a history of its own. */
function EvaluatorChoice({ runs }: { runs: readonly Run[] }) {
  const store = useStore();
  const evaluators = evaluatorsOf(runs);
  const shown = store.run.value;
  if (!shown || evaluators.length < 2) return null;
  const label = evaluatorOf(shown);
  return (
    <Select
      label="Evaluator"
      value={evaluators.find((run) => evaluatorOf(run) === label)?.id ?? ""}
      options={evaluators.map((run) => ({
        value: run.id,
        label: evaluatorOf(run) || "(not told)",
      }))}
      onChange={(id) => store.set({ run: id })}
    />
  );
}

function Legend({ slices }: { slices: readonly string[] }) {
  return (
    <ul class="legend" aria-label="Legend">
      {slices.map((name, index) => (
        <li key={name}>
          <SeriesMark index={index} />
          {name}
        </li>
      ))}
    </ul>
  );
}

/** The slices that were chosen and are known; else Overall, or the first there is. */
function chosenSlices(model: Model, chosen: readonly string[]): string[] {
  const known = [...new Set(chosen)].filter((name) => model.slices.row(name) !== undefined);
  if (known.length > 0) return known.slice(0, MAX_SERIES);
  const { names } = model.slices;
  return [model.slices.row(OVERALL) !== undefined ? OVERALL : (names[0] ?? OVERALL)];
}

function shownMetrics(
  model: Model,
  metrics: readonly Metric[],
  chosen: readonly string[] | null,
): Metric[] {
  if (chosen === null) return qualityFirst(metrics, model.source.weight).slice(0, 1);
  return [...new Set(chosen)].flatMap((id) => metrics.find((metric) => metric.id === id) ?? []);
}

/** Has the host give what is shown, as far as it was not asked for before. */
function useSlices(store: Store, slices: readonly string[]): void {
  const asked = useRef(new Set<string>());
  const names = JSON.stringify(slices);
  useEffect(() => {
    const wanted = (JSON.parse(names) as string[]).filter((name) => !asked.current.has(name));
    for (const name of wanted) asked.current.add(name);
    if (wanted.length > 0) void store.need({ kind: "series", slices: wanted });
  }, [store, names]);
}
