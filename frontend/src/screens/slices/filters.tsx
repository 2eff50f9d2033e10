import { formatShort, shorten } from "../../logic/format";
import { WITHOUT } from "../../logic/metric_choice";
import { ALL, CROSSED, SINGLE } from "../../logic/rows";
import { type Option, Select } from "../../ui/fields";
import { FindSlices } from "../../ui/row_filters";
import { RunChoice } from "../../ui/run_choice";
import { LeastWeight } from "./least_weight";
import { MetricsButton } from "./metrics_button";
import { useView } from "./use_view";
import { NONE, type SlicesView } from "./view";

/** More than so many slices are not offered in a list. */
const MANY = 100;

/** What is looked at: run, features, output, class, what it is compared with, how much of it. */
export function Filters() {
  const view = useView();
  const { store } = view;
  const { feat, out, cls, q } = store.state.value;
  const { runs } = store.model;
  store.version.value;
  return (
    <div class="controls slices-filters">
      <RunChoice
        runs={runs}
        run={view.run.value}
        base={view.base.value}
        none="None"
        onRun={(run) => store.set({ run })}
        onBase={(base) => store.set({ base })}
      />
      <Select
        label="Slice feature"
        value={feat}
        options={featureOptions(view)}
        onChange={(chosen) => store.set({ feat: chosen })}
      />
      <Choice
        label="Output"
        all="All outputs"
        chosen={out}
        values={view.outputs.value}
        onChange={(chosen) => store.set({ out: chosen })}
      />
      <Choice
        label="Class"
        all="All classes"
        chosen={cls}
        values={view.classes.value}
        onChange={(chosen) => store.set({ cls: chosen })}
      />
      <Select
        label="Baseline slice"
        value={view.baseline.value < 0 ? NONE : view.name(view.baseline.value)}
        options={baselineOptions(view)}
        onChange={(bl) => store.set({ bl })}
      />
      <LeastWeight />
      <FindSlices value={q} onChange={(text) => store.set({ q: text })} />
      <MetricsButton />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  all: string;
  /** None: all. */
  chosen: readonly string[];
  values: readonly string[];
  onChange(chosen: string[]): void;
}

/** A choice of one value or all; an address may choose several. */
function Choice({ label, all, chosen, values, onChange }: ChoiceProps) {
  if (values.length < 2) return null;
  const options = values.map((value) => ({
    value: `=${value}`,
    label: value === WITHOUT ? "Without class" : value,
  }));
  const several = chosen.length > 1 ? [{ value: "several", label: chosen.join(", ") }] : [];
  const value = chosen.length === 0 ? "" : chosen.length > 1 ? "several" : `=${chosen[0]}`;
  return (
    <Select
      label={label}
      value={value}
      options={[{ value: "", label: all }, ...several, ...options]}
      onChange={(next) => {
        if (next !== "several") onChange(next === "" ? [] : [next.slice(1)]);
      }}
    />
  );
}

function featureOptions({ store }: SlicesView): Option[] {
  const { slices } = store.model;
  const isCrossed = (features: string): boolean => features.includes(" × ");
  const named = slices.features.map((value) => ({ value, label: shorten(value) || "Overall" }));
  const crossed = named.filter(({ value }) => isCrossed(value));
  const single = named.filter(({ value }) => !isCrossed(value));
  return [
    { value: ALL, label: `All (${formatShort(slices.size)})` },
    ...(crossed.length > 0 && single.length > 0
      ? [
          { value: SINGLE, label: "All single features" },
          { value: CROSSED, label: "All crossed features" },
        ]
      : []),
    ...named,
  ];
}

/** Overall, those that are chosen, and the first ones; another is chosen beside its details. */
function baselineOptions(view: SlicesView): Option[] {
  const rows = new Set(
    [view.store.model.slices.row("Overall") ?? -1, view.baseline.value, view.selected.value].filter(
      (row) => row >= 0,
    ),
  );
  for (const row of view.present.value.subarray(0, MANY)) rows.add(row);
  const names = [...rows].map((row) => view.name(row));
  return [
    { value: NONE, label: "None" },
    ...names.map((name) => ({ value: name, label: shorten(name) })),
  ];
}
