import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { MAX_SERIES } from "../../charts/series_marks";
import { type Curve, curveOf, middle, nearest } from "../../logic/curve";
import { shorten } from "../../logic/format";
import {
  choicesOf,
  type PlotChoices,
  type PlotSeries,
  type PlotType,
  pick,
} from "../../logic/plot_series";
import { hasPlotValues, plotsOfValues } from "../../logic/plots_of_values";
import type { Plot, Run } from "../../report/contract";
import type { Model } from "../../report/model";
import { OVERALL } from "../../report/slices";
import type { Store } from "../../state/store";

/** What all plots of the screen share. */
export interface PlotsView {
  run: Run;
  base: Run | undefined;
  /** The slices that have plots, and those of them that are shown. */
  offered: string[];
  slices: string[];
  series: PlotSeries[];
  choices: PlotChoices;
  /** The curve that the slider runs along; undefined where no plot has thresholds. */
  curve: Curve | undefined;
  /** The threshold that is looked at: the one under the pointer, else the chosen one. */
  threshold: number;
  hover(threshold: number | null): void;
  choose(threshold: number): void;
}

/** The series that have a plot of a type. */
export function seriesWith(view: PlotsView, type: PlotType): { series: PlotSeries; plot: Plot }[] {
  return view.series.flatMap((series) => {
    const plot = series.plots.get(type);
    return plot ? [{ series, plot }] : [];
  });
}

/** Takes from the state and the report what is shown; undefined where there is no run. */
export function useView(store: Store): PlotsView | undefined {
  const { model } = store;
  const version = store.version.value;
  const { ps, sel, out, cls, po, thr } = store.state.value;
  const run = store.run.value;
  const base = store.base.value?.id === run?.id ? undefined : store.base.value;
  const hovered = useSignal<number | null>(null);
  const offered = useMemo(() => (run ? slicesWithPlots(model, run.id) : []), [model, run, version]);
  const slices = shownSlices(offered, ps, sel, model.source.baseline_slice);
  const listed = JSON.stringify(slices);
  const found = useMemo(() => {
    const runs = [run, base].filter((one) => one !== undefined);
    return seriesOf(model, runs, JSON.parse(listed) as string[], out, cls, po);
  }, [model, run, base, listed, out, cls, po, version]);
  useParts(store, run, base, listed);
  if (!run) return undefined;
  const first = found.series.find((one) => one.plots.has("thresholds"));
  const curve = first && curveOf(first.plots.get("thresholds")!);
  return {
    run,
    base,
    offered,
    slices,
    ...found,
    curve,
    threshold: hovered.value ?? thr[0] ?? usualThreshold(curve),
    hover: (threshold) => {
      hovered.value = threshold;
    },
    choose: (threshold) => {
      hovered.value = null;
      store.set({ thr: [threshold] });
    },
  };
}

function slicesWithPlots(model: Model, run: string): string[] {
  const named = model.plotSlices.get(run);
  return model.slices.names.filter(
    (name, row) => named?.has(name) || hasPlotValues(model, run, row),
  );
}

function shownSlices(
  offered: readonly string[],
  wanted: readonly string[],
  selected: string,
  baseline = OVERALL,
): string[] {
  const chosen = [...new Set(wanted)].filter((name) => offered.includes(name));
  if (chosen.length > 0) return chosen.slice(0, MAX_SERIES);
  const usual = [selected, baseline, OVERALL].find((name) => offered.includes(name)) ?? offered[0];
  return usual === undefined ? [] : [usual];
}

function seriesOf(
  model: Model,
  runs: readonly Run[],
  slices: readonly string[],
  outputs: readonly string[],
  subKeys: readonly string[],
  options: readonly string[],
): { series: PlotSeries[]; choices: PlotChoices } {
  const lists = slices.flatMap((slice, place) =>
    runs.map((run) => ({
      head: {
        run,
        slice,
        label: [shorten(slice), ...(runs.length > 1 ? [shorten(run.name)] : [])].join(" · "),
        place,
        isBase: run !== runs[0],
      },
      plots: [...model.plotsOf(run.id, slice), ...plotsOfValues(model, run.id, slice)],
    })),
  );
  const name = options.find((one) => one.startsWith("name."))?.slice("name.".length);
  const all = lists.flatMap(({ plots }) => plots);
  const choices = choicesOf(all, { outputs, subKeys, name });
  const series = lists.map(({ head, plots }) => ({ ...head, plots: pick(plots, choices) }));
  return { series: series.filter(({ plots }) => plots.size > 0), choices };
}

/** Has the host give what is shown and is not here. */
function useParts(store: Store, run: Run | undefined, base: Run | undefined, listed: string): void {
  const version = store.version.value;
  useEffect(() => {
    for (const one of [run, base]) {
      if (!one) continue;
      if (one.complete === false) void store.need({ kind: "run", run: one.id });
      for (const slice of JSON.parse(listed) as string[]) {
        const isHere = store.model.plotsOf(one.id, slice).length > 0;
        if (isHere || !store.model.plotSlices.get(one.id)?.has(slice)) continue;
        void store.need({ kind: "plots", run: one.id, slice });
      }
    }
  }, [store, run, base, listed, version]);
}

/** The threshold that most models decide by, where the curve has it; else the one in its middle. */
function usualThreshold(curve: Curve | undefined): number {
  if (!curve || curve.threshold.length === 0) return Number.NaN;
  const { threshold } = curve;
  const isWithin = threshold[0]! <= 0.5 && threshold.at(-1)! >= 0.5;
  return threshold[isWithin ? nearest(curve, 0.5) : middle(curve)]!;
}
