import { bisectCenter } from "d3-array";
import type { Plot } from "../report/contract";
import { plotColumn } from "./plot_columns";

/** The four counts of binary predictions at each threshold, thresholds rising. */
export interface Curve {
  threshold: Float64Array;
  tp: Float64Array;
  fp: Float64Array;
  tn: Float64Array;
  fn: Float64Array;
}

export const RATES = ["precision", "recall", "fpr", "f1", "accuracy", "share"] as const;
export type Rate = (typeof RATES)[number];
export type Rates = Record<Rate, Float64Array>;

const COUNTS = ["tp", "fp", "tn", "fn"] as const;
const curves = new WeakMap<Plot, Curve>();
const rates = new WeakMap<Curve, Rates>();

/** The counts of a plot of thresholds; the same object each time. */
export function curveOf(plot: Plot): Curve {
  let curve = curves.get(plot);
  if (!curve) {
    const threshold = plotColumn(plot, "threshold");
    const order = Uint32Array.from(threshold.keys()).sort((a, b) => threshold[a]! - threshold[b]!);
    const sorted = (name: string): Float64Array => {
      const column = plotColumn(plot, name);
      return Float64Array.from(order, (row) => column[row] ?? Number.NaN);
    };
    const [tp, fp, tn, fn] = COUNTS.map(sorted) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    curve = { threshold: sorted("threshold"), tp, fp, tn, fn };
    curves.set(plot, curve);
  }
  return curve;
}

/**
 * Rates at each threshold; NaN where one is a share of nothing. `share` is that of the examples
 * that are predicted positive.
 */
export function ratesOf(curve: Curve): Rates {
  let found = rates.get(curve);
  if (!found) {
    const { tp, fp, tn, fn } = curve;
    const each = (rate: (tp: number, fp: number, tn: number, fn: number) => number) =>
      tp.map((value, index) => rate(value, fp[index]!, tn[index]!, fn[index]!));
    found = {
      precision: each((tp, fp) => tp / (tp + fp)),
      recall: each((tp, _fp, _tn, fn) => tp / (tp + fn)),
      fpr: each((_tp, fp, tn) => fp / (fp + tn)),
      f1: each((tp, fp, _tn, fn) => (2 * tp) / (2 * tp + fp + fn)),
      accuracy: each((tp, fp, tn, fn) => (tp + tn) / (tp + fp + tn + fn)),
      share: each((tp, fp, tn, fn) => (tp + fp) / (tp + fp + tn + fn)),
    };
    rates.set(curve, found);
  }
  return found;
}

/** The place of the threshold that is nearest; -1 where there is none. */
export function nearest(curve: Curve, threshold: number): number {
  return curve.threshold.length ? bisectCenter(curve.threshold, threshold) : -1;
}

/** The place where a line begins to be looked at: the threshold in the middle. */
export function middle(curve: Curve): number {
  return curve.threshold.length >> 1;
}

/**
 * The area under the ROC curve by trapezoids. The ends (0, 0) and (1, 1) are added; NaN where
 * there are only positives, only negatives, or none.
 */
export function areaUnderRoc(curve: Curve): number {
  const { fpr, recall } = ratesOf(curve);
  let [area, x, y] = [0, 0, 0];
  for (let index = fpr.length - 1; index >= 0; index--) {
    area += ((fpr[index]! - x) * (recall[index]! + y)) / 2;
    x = fpr[index]!;
    y = recall[index]!;
  }
  return fpr.length ? area + ((1 - x) * (1 + y)) / 2 : Number.NaN;
}

/** Average precision: of the precisions at each threshold, weighted by what recall they add. */
export function averagePrecision(curve: Curve): number {
  const { precision, recall } = ratesOf(curve);
  let [sum, before] = [0, 0];
  for (let index = recall.length - 1; index >= 0; index--) {
    const more = recall[index]! - before;
    if (more !== 0) sum += more * precision[index]!;
    before = recall[index]!;
  }
  return recall.length ? sum : Number.NaN;
}

/** The share of the positives among the highest predictions, a share of all; between thresholds, on a line. */
export function gainAt(curve: Curve, share: number): number {
  const { share: shares, recall } = ratesOf(curve);
  let [x, y] = [0, 0];
  for (let index = shares.length - 1; index >= -1; index--) {
    const [nextX, nextY] = index < 0 ? [1, 1] : [shares[index]!, recall[index]!];
    if (nextX >= share) return nextX === x ? nextY : y + ((nextY - y) * (share - x)) / (nextX - x);
    [x, y] = [nextX, nextY];
  }
  return Number.NaN;
}
