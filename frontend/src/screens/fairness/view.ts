import { useEffect, useMemo } from "preact/hooks";
import type { How } from "../../logic/against";
import { type Bar, barsOf, type Column, columnsOf } from "../../logic/fairness_columns";
import { atThresholds, type Family, familiesOf } from "../../logic/families";
import { classesOf, ofOutputs, outputsOf } from "../../logic/metric_choice";
import { presence } from "../../logic/rows";
import { filterSlices, sortRows } from "../../logic/slice_groups";
import type { Metric, Run } from "../../report/contract";
import type { Model } from "../../report/model";
import { OVERALL } from "../../report/slices";
import type { Store } from "../../state/store";

/** What all parts of the screen share. */
export interface FairnessView {
  run: Run;
  base: Run | undefined;
  outputs: string[];
  classes: string[];
  families: Family[];
  chosen: Family[];
  /** All that some metric has, and those that are shown. */
  thresholds: number[];
  chosenThresholds: number[];
  /** The row that slices are compared with; -1 where there is none. */
  baseline: number;
  how: How;
  /** By feature, then by name. */
  rows: Int32Array;
}

/** One metric with what is drawn of it. */
export interface Shown {
  family: Family;
  metrics: Metric[];
  bars: Bar[];
  columns: Column[];
  /** Those that have a value, in the order of the table. */
  rows: Int32Array;
  isSorted: boolean;
}

/** Takes from the state and the report what is shown; undefined where there is no run. */
export function useView(store: Store): FairnessView | undefined {
  const { model } = store;
  const version = store.version.value;
  const state = store.state.value;
  const { out, cls, fm, fs, bl, feat, q, w, d } = state;
  const run = store.run.value;
  const base = store.base.value?.id === run?.id ? undefined : store.base.value;
  useRuns(store, run, base);
  const metrics = useMemo(() => numbersOf(model, [run, base]), [model, run, base, version]);
  const families = useMemo(() => familiesOf(ofOutputs(metrics, out, cls)), [metrics, out, cls]);
  const rows = useMemo(() => {
    const weight = model.source.weight;
    const weights = run && weight ? model.column(run.id, weight)?.v : undefined;
    return filterSlices(model, { features: feat, text: q, names: fs, least: w, weights });
  }, [model, run, feat, q, fs, w, version]);
  if (!run) return undefined;
  const known = families.filter(({ key }) => fm.includes(key));
  const chosen = known.length > 0 ? known : families.slice(0, 1);
  const thresholds = new Set(families.flatMap(({ metrics }) => thresholdsOf(metrics)));
  const at = new Set(chosen.flatMap((family) => thresholdsOf(atThresholds(family, state.thr))));
  return {
    run,
    base,
    outputs: outputsOf(metrics),
    classes: classesOf(metrics),
    families,
    chosen,
    thresholds: [...thresholds].sort((a, b) => a - b),
    chosenThresholds: [...at].sort((a, b) => a - b),
    baseline: baselineRow(model, bl),
    how: d,
    rows,
  };
}

function thresholdsOf(metrics: readonly Metric[]): number[] {
  return metrics.flatMap(({ threshold }) => threshold ?? []);
}

/** What is drawn of a metric. */
export function shownOf(store: Store, view: FairnessView, family: Family): Shown {
  const { model } = store;
  const { thr, fo } = store.state.value;
  const runs = view.base ? [view.run, view.base] : [view.run];
  const metrics = atThresholds(family, thr);
  const bars = barsOf(model, metrics, runs);
  const columns = columnsOf(model, bars, view.baseline, view.how);
  const values = bars.flatMap((bar) => bar.values ?? []);
  const present = presence(model.slices.size, values);
  // what all are compared with comes first
  const listed = Int32Array.of(view.baseline, ...view.rows.filter((row) => row !== view.baseline));
  const rows = listed.filter((row) => present[row] === 1);
  const column = columns.find(({ id }) => id === fo?.by);
  if (column && fo) {
    return {
      family,
      metrics,
      bars,
      columns,
      rows: sortRows(rows, column.key, fo.descending),
      isSorted: true,
    };
  }
  const isReversed = fo?.by === "slice" && fo.descending;
  return {
    family,
    metrics,
    bars,
    columns,
    rows: isReversed ? rows.reverse() : rows,
    isSorted: false,
  };
}

function numbersOf(model: Model, runs: readonly (Run | undefined)[]): Metric[] {
  return [...model.metrics.values()].filter(
    ({ id, kind, key }) =>
      (kind === "float" || kind === "count") &&
      !key?.is_diff &&
      runs.some((run) => run && model.column(run.id, id)),
  );
}

function baselineRow(model: Model, wanted: string): number {
  const { slices, source } = model;
  for (const name of [wanted, source.baseline_slice, OVERALL]) {
    const row = name ? slices.row(name) : undefined;
    if (row !== undefined) return row;
  }
  return slices.size > 0 ? 0 : -1;
}

/** Has the host give runs of which values are missing. */
function useRuns(store: Store, run: Run | undefined, base: Run | undefined): void {
  useEffect(() => {
    for (const one of [run, base]) {
      if (one?.complete === false) void store.need({ kind: "run", run: one.id });
    }
  }, [store, run, base]);
}
