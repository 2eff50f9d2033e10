import { LineSample } from "../../charts/series_lines";
import { MAX_SERIES } from "../../charts/series_marks";
import { nearest } from "../../logic/curve";
import { formatValue } from "../../logic/format";
import { withOption } from "../../logic/options";
import { useStore } from "../../state/use";
import { NumberField, Select, Slider } from "../../ui/fields";
import { MultiChoice } from "../../ui/multi_choice";
import { RunChoice } from "../../ui/run_choice";
import { keyOf } from "./threshold_plots";
import type { PlotsView } from "./view";

interface Kind {
  id: string;
  title: string;
}

/** Which run, which slices, which of their plots. */
export function Controls({ view, kinds }: { view: PlotsView; kinds: readonly Kind[] }) {
  const store = useStore();
  const { runs } = store.model;
  const { p, po } = store.state.value;
  const { choices } = view;
  const named = (texts: readonly string[]) =>
    texts.map((value) => ({ value, label: value || "(without)" }));
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
      <MultiChoice
        label="Slices"
        options={view.offered.map((name) => ({ value: name, label: name }))}
        chosen={view.slices}
        most={MAX_SERIES}
        onChange={(ps) => store.set({ ps })}
      />
      {choices.outputs.length > 1 && (
        <Select
          label="Output"
          value={choices.output}
          options={named(choices.outputs)}
          onChange={(output) => store.set({ out: [output] })}
        />
      )}
      {choices.subKeys.length > 1 && (
        <Select
          label="Class"
          value={choices.subKey}
          options={named(choices.subKeys)}
          onChange={(subKey) => store.set({ cls: [subKey] })}
        />
      )}
      {choices.names.length > 1 && (
        <Select
          label="Name"
          value={choices.name}
          options={named(choices.names)}
          onChange={(name) => store.set({ po: withOption(po, "name", name) })}
        />
      )}
      {kinds.length > 1 && (
        <Select
          label="Plot"
          value={kinds.some(({ id }) => id === p) ? p : ""}
          options={[
            { value: "", label: "All" },
            ...kinds.map(({ id, title }) => ({ value: id, label: title })),
          ]}
          onChange={(value) => store.set({ p: value })}
        />
      )}
      <ThresholdControl view={view} />
    </div>
  );
}

/** The slider has about so many steps. */
const STEPS = 100;

function ThresholdControl({ view }: { view: PlotsView }) {
  const { curve, threshold } = view;
  if (!curve || curve.threshold.length < 2) return null;
  const last = curve.threshold.length - 1;
  return (
    <div class="threshold">
      <NumberField
        label="Threshold"
        value={Number(threshold.toPrecision(6))}
        min={curve.threshold[0]!}
        max={curve.threshold[last]!}
        step="any"
        onChange={view.choose}
      />
      <Slider
        label="Threshold slider"
        value={nearest(curve, threshold)}
        min={0}
        max={last}
        step={Math.max(1, Math.round(last / STEPS))}
        text={formatValue(threshold)}
        onChange={(index) => view.choose(curve.threshold[index]!)}
      />
    </div>
  );
}

export function SeriesLegend({ view }: { view: PlotsView }) {
  return (
    <ul class="legend" aria-label="Legend">
      {view.series.map((series) => (
        <li key={keyOf(series)}>
          <LineSample place={series.place} dashed={series.isBase} />
          {series.label}
        </li>
      ))}
    </ul>
  );
}
