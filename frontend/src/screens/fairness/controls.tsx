import type { How } from "../../logic/against";
import { formatValue } from "../../logic/format";
import { WITHOUT } from "../../logic/metric_choice";
import { ALL, CROSSED, SINGLE } from "../../logic/rows";
import { useStore } from "../../state/use";
import { type Option, RadioGroup, Select } from "../../ui/fields";
import { MultiChoice } from "../../ui/multi_choice";
import { FindSlices, LeastWeightField } from "../../ui/row_filters";
import { RunChoice } from "../../ui/run_choice";
import type { FairnessView } from "./view";

/** A list of slices to choose from has at most so many of them. */
const MAX_OPTIONS = 2000;

/** Which runs, which slices, against what. */
export function Controls({ view }: { view: FairnessView }) {
  const store = useStore();
  const { runs, slices, source } = store.model;
  const { fs, feat, q, w, fk, d, out, cls } = store.state.value;
  const all = slices.names.slice(0, MAX_OPTIONS);
  const isOne = (list: readonly string[]): string => (list.length === 1 ? list[0]! : "");
  return (
    <div class="controls">
      <RunChoice
        runs={runs}
        run={view.run.id}
        base={view.base?.id ?? ""}
        none="None"
        onRun={(run) => store.set({ run })}
        onBase={(base) => store.set({ base })}
      />
      {view.outputs.length > 1 && (
        <Select
          label="Output"
          value={isOne(out)}
          options={[ALL_OF, ...view.outputs.map((value) => ({ value, label: value }))]}
          onChange={(value) => store.set({ out: value ? [value] : [] })}
        />
      )}
      {view.classes.length > 1 && (
        <Select
          label="Class"
          value={isOne(cls)}
          options={[
            ALL_OF,
            ...view.classes.map((value) => ({
              value,
              label: value === WITHOUT ? "Without class" : value,
            })),
          ]}
          onChange={(value) => store.set({ cls: value ? [value] : [] })}
        />
      )}
      <Select
        label="Slice feature"
        value={feat}
        options={featureOptions(slices.features)}
        onChange={(value) => store.set({ feat: value })}
      />
      <FindSlices value={q} onChange={(text) => store.set({ q: text })} />
      <MultiChoice
        label="Only slices"
        options={all.map((name) => ({ value: name, label: name }))}
        chosen={fs}
        most={all.length}
        onChange={(names) => store.set({ fs: names })}
      />
      {source.weight !== undefined && (
        <LeastWeightField value={w} onChange={(value) => store.set({ w: value })} />
      )}
      <Select
        label="Baseline slice"
        value={slices.names[view.baseline] ?? ""}
        options={baselineOptions(slices.names, view)}
        onChange={(name) => store.set({ bl: name })}
      />
      {view.thresholds.length > 1 && (
        <MultiChoice
          label="Thresholds"
          options={view.thresholds.map((one) => ({
            value: String(one),
            label: formatValue(one),
          }))}
          chosen={view.chosenThresholds.map(String)}
          most={MAX_THRESHOLDS}
          onChange={(chosen) => store.set({ thr: chosen.map(Number).sort((a, b) => a - b) })}
        />
      )}
      <RadioGroup<How>
        label="Differences"
        value={d}
        options={[
          { value: "abs", label: "Difference" },
          { value: "rel", label: "%" },
          { value: "ratio", label: "Ratio" },
        ]}
        onChange={(how) => store.set({ d: how })}
      />
      <RadioGroup<"bars" | "dots" | "">
        label="Marks"
        value={fk}
        options={[
          { value: "", label: "Auto" },
          { value: "bars", label: "Bars" },
          { value: "dots", label: "Dots" },
        ]}
        onChange={(kind) => store.set({ fk: kind })}
      />
    </div>
  );
}

const ALL_OF: Option = { value: "", label: "All" };
/** Bars of more thresholds could not be told apart. */
const MAX_THRESHOLDS = 8;

function featureOptions(features: readonly string[]): Option[] {
  const crossed = features.filter((feature) => feature.includes(" × "));
  return [
    { value: ALL, label: "All" },
    ...(crossed.length > 0
      ? [
          { value: SINGLE, label: "All single features" },
          { value: CROSSED, label: "All crossed features" },
        ]
      : []),
    ...features.map((value) => ({ value, label: value || "Overall" })),
  ];
}

/** The baseline that is chosen and the shown slices, as many as a list may have. */
function baselineOptions(names: readonly string[], { baseline, rows }: FairnessView): Option[] {
  const listed = [
    ...new Set([
      names[0]!,
      names[baseline]!,
      ...Array.from(rows.subarray(0, 200), (row) => names[row]!),
    ]),
  ];
  return listed.filter(Boolean).map((name) => ({ value: name, label: name }));
}
