import type { Plot } from "../report/contract";
import { plotColumn } from "./plot_columns";

/** Examples of about the same prediction: bounds of it, and sums over them. */
export interface Buckets {
  lo: Float64Array;
  hi: Float64Array;
  weight: Float64Array;
  label: Float64Array;
  prediction: Float64Array;
}

/** Several buckets taken together; `label` and `prediction` are means, NaN where it is empty. */
export interface Group {
  lo: number;
  hi: number;
  weight: number;
  label: number;
  prediction: number;
}

/** Buckets of a plot. The outer ones are open: their missing bound is the other one. */
export function bucketsOf(plot: Plot): Buckets {
  const [lo, hi] = [plotColumn(plot, "lo"), plotColumn(plot, "hi")];
  return {
    lo: lo.map((value, index) => (Number.isFinite(value) ? value : hi[index]!)),
    hi: hi.map((value, index) => (Number.isFinite(value) ? value : lo[index]!)),
    weight: plotColumn(plot, "weight"),
    label: plotColumn(plot, "label"),
    prediction: plotColumn(plot, "prediction"),
  };
}

/**
 * The range of predictions that groups are made of: that of all buckets, or, where most of them
 * are empty, of those that are not. With `log`, only what is above zero.
 */
export function rangeOf(all: readonly Buckets[], log = false): [number, number] {
  let [lo, hi, least, most] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const buckets of all) {
    for (let index = 0; index < buckets.lo.length; index++) {
      const [from, to] = [buckets.lo[index]!, buckets.hi[index]!];
      const at = log ? place(buckets, index) : from;
      if (log && !(at > 0)) continue;
      lo = Math.min(lo, at);
      hi = Math.max(hi, to);
      if (!(buckets.weight[index]! > 0)) continue;
      least = Math.min(least, at);
      most = Math.max(most, to);
    }
  }
  if (least > most) return lo < hi ? [lo, hi] : [log ? 1e-3 : 0, 1];
  const sparse = log || most - least < (hi - lo) / 2;
  const [from, to] = sparse ? [least, most] : [lo, hi];
  return from < to ? [from, to] : log ? [from / 10, from * 10] : [from - 0.5, from + 0.5];
}

/** Where a bucket lies: the mean of its predictions; its middle where it is empty. */
function place(buckets: Buckets, index: number): number {
  const weight = buckets.weight[index]!;
  if (weight > 0) return buckets.prediction[index]! / weight;
  return (buckets.lo[index]! + buckets.hi[index]!) / 2;
}

/** Takes buckets together to `count` groups of equal width between the ends of a range. */
export function regroup(
  buckets: Buckets,
  count: number,
  [from, to]: readonly [number, number],
  log = false,
): Group[] {
  const scale = log ? Math.log : (value: number) => value;
  const back = log ? Math.exp : scale;
  const [start, width] = [scale(from), (scale(to) - scale(from)) / count];
  const groups = Array.from({ length: count }, (_, index) => ({
    lo: back(start + index * width),
    hi: back(start + (index + 1) * width),
    weight: 0,
    label: 0,
    prediction: 0,
  }));
  for (let index = 0; index < buckets.weight.length; index++) {
    const at = place(buckets, index);
    if (log && !(at > 0)) continue;
    // a prediction on an upper bound belongs to the next group
    const found = Math.floor((scale(at) - start) / width + 1e-9);
    const group = groups[Math.min(count - 1, Math.max(0, found))];
    if (!group) continue;
    group.weight += buckets.weight[index]!;
    group.label += buckets.label[index]!;
    group.prediction += buckets.prediction[index]!;
  }
  return groups.map((group) => ({
    ...group,
    label: group.label / group.weight,
    prediction: group.prediction / group.weight,
  }));
}

/** The line that fits the mean labels best, by weighted squares; undefined where none is best. */
export function leastSquares(
  groups: readonly Group[],
): { slope: number; intercept: number } | undefined {
  let [w, x, y] = [0, 0, 0];
  const filled = groups.filter((group) => group.weight > 0);
  for (const { weight, prediction, label } of filled) {
    w += weight;
    x += weight * prediction;
    y += weight * label;
  }
  let [xx, xy] = [0, 0];
  for (const { weight, prediction, label } of filled) {
    xx += weight * (prediction - x / w) ** 2;
    xy += weight * (prediction - x / w) * (label - y / w);
  }
  if (!(xx > 0)) return undefined;
  return { slope: xy / xx, intercept: y / w - ((xy / xx) * x) / w };
}

/** What predictions and labels come to as a whole. */
export interface Totals {
  weight: number;
  prediction: number;
  label: number;
  /** Mean prediction by mean label. */
  ratio: number;
  /** The mean distance of mean label and mean prediction over ten groups, by weight. */
  error: number;
}

export function totalsOf(buckets: Buckets): Totals {
  const sum = (values: Float64Array): number => values.reduce((all, value) => all + value, 0);
  const [weight, prediction, label] = [buckets.weight, buckets.prediction, buckets.label].map(
    sum,
  ) as [number, number, number];
  let error = 0;
  for (const group of regroup(buckets, 10, rangeOf([buckets]))) {
    if (group.weight > 0) error += group.weight * Math.abs(group.label - group.prediction);
  }
  return {
    weight,
    prediction: prediction / weight,
    label: label / weight,
    ratio: prediction / label,
    error: error / weight,
  };
}
