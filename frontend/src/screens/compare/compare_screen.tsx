import { useCallback, useRef } from "preact/hooks";
import { baseRunOf } from "../../logic/base_run";
import { chosenMetrics, numericMetrics } from "../../logic/metric_lists";
import { runLabel } from "../../logic/run_words";
import type { Metric, Run } from "../../report/contract";
import type { Model } from "../../report/model";
import type { State } from "../../state/state";
import { useRun, useShortcut, useStore } from "../../state/use";
import { Empty } from "../../ui/empty";
import { Button, Checkbox, NumberField, RadioGroup, Select } from "../../ui/fields";
import { MultiChoice } from "../../ui/multi_choice";
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
        <Find />
        {model.source.weight !== undefined && (
          <NumberField
            label="Minimum weighted examples"
            value={state.w}
            min={0}
            max={Number.MAX_SAFE_INTEGER}
            step="any"
            onChange={(w) => store.set({ w })}
          />
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

function Find() {
  const store = useStore();
  const input = useRef<HTMLInputElement>(null);
  const focus = useCallback(() => input.current?.focus(), []);
  useShortcut("/", "find slices", focus);
  return (
    <label class="field">
      <span>Find slices</span>
      <input
        ref={input}
        type="search"
        value={store.state.value.q}
        onInput={(event) => store.set({ q: event.currentTarget.value })}
      />
    </label>
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
