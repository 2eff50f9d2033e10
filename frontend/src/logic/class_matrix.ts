import type { Plot } from "../report/contract";
import { plotColumn } from "./plot_columns";

/** What a cell of a matrix of a multi-label model counts. */
export const MODES = ["total", "incorrect", "fn"] as const;
export type Mode = (typeof MODES)[number];

export const ORDERS = ["class", "total", "correct", "incorrect", "fn", "none"] as const;
export type Order = (typeof ORDERS)[number];

/** The class id of "no prediction". */
export const NONE = -1;

/** Counts by actual and predicted class. */
export interface ClassMatrix {
  /** The classes of the rows, and of as many columns, in the wanted order. */
  classes: number[];
  /** All classes, those too that are not shown. */
  size: number;
  /** Whether a last column tells of examples without a prediction. */
  hasNone: boolean;
  /** Columns in a row. */
  width: number;
  /** Row by row. */
  cells: Float64Array;
  /** Of whole rows, those columns too that are not shown. */
  rowTotals: Float64Array;
}

/** The thresholds that a plot has matrices for, rising. */
export function thresholdsOf(plot: Plot): number[] {
  const known = [...new Set(plotColumn(plot, "threshold"))].filter((one) => !Number.isNaN(one));
  return known.sort((a, b) => a - b);
}

/** The threshold that is nearest to the wanted one; the middle one where none is wanted. */
export function thresholdFor(thresholds: readonly number[], wanted?: number): number | undefined {
  if (wanted === undefined) return thresholds[(thresholds.length - 1) >> 1];
  return thresholds.reduce<number | undefined>((best, one) => {
    return best === undefined || Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best;
  }, undefined);
}

/**
 * The matrix of a plot of the types `multi_class` and `multi_label` at one of its thresholds.
 *
 * @param limit how many classes are shown at most, the first ones of the order
 */
export function matrixAt(
  plot: Plot,
  threshold: number | undefined,
  order: Order,
  mode: Mode,
  limit: number,
): ClassMatrix {
  const [actual, predicted] = [plotColumn(plot, "actual"), plotColumn(plot, "predicted")];
  const ids = new Set<number>([...actual, ...predicted]);
  const hasNone = ids.delete(NONE);
  const all = [...ids].filter((id) => !Number.isNaN(id)).sort((a, b) => a - b);
  const at = new Map(all.map((id, index) => [id, index]));
  const width = all.length + (hasNone ? 1 : 0);
  const counts = countsOf(plot, mode);
  const full = new Float64Array(all.length * width);
  const sums = sumsOf(all.length);
  const thresholds = plotColumn(plot, "threshold");
  for (let index = 0; index < actual.length; index++) {
    const row = at.get(actual[index]!);
    if (row === undefined || thresholds[index] !== threshold) continue;
    const isNone = predicted[index] === NONE;
    const column = isNone ? all.length : at.get(predicted[index]!)!;
    full[row * width + column]! += counts.shown(index);
    const is = isNone ? "none" : column === row ? "correct" : "incorrect";
    sums[is][row]! += counts.made(index);
    sums.total[row]! += counts.made(index);
    sums.fn[row]! += counts.missed(index);
  }
  const ranked = all.map((_, index) => index);
  if (order !== "class") ranked.sort((a, b) => sums[order][b]! - sums[order][a]! || a - b);
  const shown = ranked.slice(0, limit);
  const columns = hasNone ? [...shown, all.length] : shown;
  return {
    classes: shown.map((row) => all[row]!),
    size: all.length,
    hasNone,
    width: columns.length,
    cells: Float64Array.from(
      shown.flatMap((row) => columns.map((col) => full[row * width + col]!)),
    ),
    rowTotals: Float64Array.from(shown, (row) => {
      return full.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + value, 0);
    }),
  };
}

function sumsOf(size: number): Record<Exclude<Order, "class">, Float64Array> {
  const zeros = (): Float64Array => new Float64Array(size);
  return { total: zeros(), correct: zeros(), incorrect: zeros(), fn: zeros(), none: zeros() };
}

/** What an entry shows, how many predictions it made, and how many labels it missed. */
function countsOf(plot: Plot, mode: Mode) {
  const weight = plotColumn(plot, "weight");
  const [tp, fp, fn] = ["tp", "fp", "fn"].map((name) => plotColumn(plot, name)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const isLabels = plot.type === "multi_label";
  const made = (index: number): number => {
    return isLabels ? tp[index]! + fp[index]! : weight[index]!;
  };
  const missed = (index: number): number => (isLabels ? fn[index]! : 0);
  const wrong = (index: number): number => fp[index]!;
  const shown = !isLabels || mode === "total" ? made : mode === "fn" ? missed : wrong;
  return { made, missed, shown };
}
