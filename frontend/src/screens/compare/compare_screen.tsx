import { baseRunOf } from "../../logic/base_run";
import { chosenMetrics, numericMetrics } from "../../logic/metric_lists";
import { runLabel } from "../../logic/run_words";
import type { Metric, Run } from "../../report/contract";
import type { Model } from "../../report/model";
import type { State } from "../../state/state";
import { useRun, useStore } from "../../state/use";
import { Empty } from "../../ui/empty";
import { Button, Checkbox, RadioGroup, Select } from "../../ui/fields";
import { MultiChoice } from "../../ui/multi_choice";
import { FindSlices, LeastWeightField } from "../../ui/row_filters";
import { Comparison } from "./comparison";

/** Two runs against each other, slice by slice. */
export function CompareScreen() {
  const store = useStore();
  const { model } = store;
  const state = store.state.value;
  store.version.value;
  const run = store.run.value;
  const base = run && (baseRunOf(model, run, state.base) ?? otherRun(model, run));
  useRun(run);
  useRun(base);
  if (!run || !base) return <Empty>There is one run only. Two can be compared.</Empty>;
  const all = numericMetrics(model);
  const { metric, metrics } = shownMetrics(model, state);
  if (!metric) return <Empty>No run has a metric that is one number.</Empty>;
  const options = model.runs.map((one) => ({ value: one.id, label: runLabel(one) }));
  return (
    <div class="compare">
      <div class="controls">
        <Select
          label="Run"
          value={run.id}
          options={options}
          // the same run twice is no comparison: they change places then
          onChange={(id) => store.set({ run: id, base: id === base.id ? run.id : base.id })}
        />
        <Button
          label="Swap the runs"
          title="Swap the runs"
          onClick={() => store.set({ run: base.id, base: run.id })}
        >
          ⇄
        </Button>
        <Select
          label="Baseline run"
          value={base.id}
          options={options.map((one) => ({ ...one, disabled: one.value === run.id }))}
          onChange={(id) => store.set({ run: run.id, base: id })}
        />
        <Select
          label="Chart metric"
          value={metric.id}
          options={all.map(({ id, label }) => ({ value: id, label }))}
          onChange={(id) => store.set({ x: id })}
        />
        <MultiChoice
          label="Metrics"
          options={all.map(({ id, label }) => ({ value: id, label }))}
          chosen={metrics.map(({ id }) => id)}
          most={all.length}
          // the chart's is always among them
          onChange={(ids) => store.set({ m: ids, x: ids.includes(metric.id) ? state.x : "" })}
        />
        <RadioGroup<State["d"]>
          label="Difference"
          value={state.d}
          options={[
            { value: "abs", label: "Absolute" },
            { value: "rel", label: "%" },
            { value: "ratio", label: "Ratio" },
          ]}
          onChange={(d) => store.set({ d })}
        />
        <FindSlices value={state.q} onChange={(q) => store.set({ q })} />
        {model.source.weight !== undefined && (
          <LeastWeightField value={state.w} onChange={(w) => store.set({ w })} />
        )}
        <Checkbox
          label="Changed only"
          checked={state.only}
          onChange={(only) => store.set({ only })}
        />
      </div>
      <Comparison run={run} base={base} metric={metric} metrics={metrics} />
    </div>
  );
}

function otherRun(model: Model, run: Run): Run | undefined {
  return model.runs.find(({ id }) => id !== run.id);
}

/** The chart's metric, and those of the table: the chosen ones, the chart's always among them. */
function shownMetrics(model: Model, { x, m }: State): { metric?: Metric; metrics: Metric[] } {
  const chosen = m.length > 0 ? chosenMetrics(model, m, 1) : [];
  const metric = chosenMetrics(model, x ? [x] : m, 1)[0];
  if (!metric) return { metrics: [] };
  return { metric, metrics: chosen.includes(metric) ? chosen : [metric, ...chosen] };
}
