import type { Run } from "../report/contract";
import type { Model } from "../report/model";

/** A metric of a slice, run by run; NaN where a run has none. */
export interface Series {
  name: string;
  v: Float64Array;
  lo: Float64Array;
  hi: Float64Array;
  /** The (weighted) number of examples. */
  n: Float64Array;
  /** Of the intervals, such as 0.95; undefined where there are none. */
  level: number | undefined;
}

/** A metric of a slice along runs. */
export function seriesOf(
  model: Model,
  runs: readonly Run[],
  metric: string,
  slice: string,
): Series {
  const row = model.slices.row(slice) ?? -1;
  const weight = model.source.weight;
  const columns = runs.map((run) => model.column(run.id, metric));
  const take = (part: "v" | "lo" | "hi"): Float64Array =>
    Float64Array.from(columns, (column) => column?.[part]?.[row] ?? Number.NaN);
  return {
    name: slice,
    v: take("v"),
    lo: take("lo"),
    hi: take("hi"),
    n: Float64Array.from(runs, ({ id }) => (weight ? model.value(id, weight, row) : Number.NaN)),
    level: columns.find((column) => column?.level !== undefined)?.level,
  };
}

/** The smallest and the largest number of some series, intervals included; undefined if none. */
export function extentOf(all: readonly Series[]): [number, number] | undefined {
  let [lo, hi] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const series of all) {
    for (const numbers of [series.v, series.lo, series.hi]) {
      for (const number of numbers) {
        if (!Number.isFinite(number)) continue;
        lo = Math.min(lo, number);
        hi = Math.max(hi, number);
      }
    }
  }
  return lo <= hi ? [lo, hi] : undefined;
}

/** At most `most` of `count` places, evenly spread, the first and the last among them. */
export function spread(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, index) => index);
  if (most < 2) return count > 0 ? [count - 1] : [];
  const step = (count - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => Math.round(index * step));
}

/** The place that lies `step` places on and has a number, else `from`. */
export function nextPlace(v: Float64Array, from: number, step: number): number {
  for (let at = from + step; at >= 0 && at < v.length; at += step) {
    if (!Number.isNaN(v[at])) return at;
  }
  return from;
}
