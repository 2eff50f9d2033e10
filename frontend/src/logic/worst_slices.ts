import type { Metric, Run } from "../report/contract";
import type { Model, Values } from "../report/model";
import { noiseOf } from "./noise";

/** What keeps small slices from winning: intervals, the noise of shares, weights, or nothing. */
export type Shrinkage = "interval" | "share" | "weight" | "none";

export interface WorstSlice {
  row: number;
  value: number;
  /** How much worse than the baseline slice; positive. */
  effect: number;
  /** What it is ranked by: for intervals and shares how much worse it is at the least. */
  score: number;
  n: number;
}

export interface Ranking {
  worst: WorstSlice[];
  shrinkage: Shrinkage;
  /** How many slices were held against the baseline slice. */
  compared: number;
  /** How many times wider than told intervals are taken, because so many slices were compared. */
  widening: number;
}

type Score = (row: number, effect: number) => number;

/** Of a normal distribution, 97.5 % lie below: what intervals of 95 % go by. */
const Z = 1.96;
/** So many examples that are like the baseline slice are added to each slice. */
const PRIOR = 4;

/**
 * The slices of which a metric is worst, against the baseline slice. Without intervals, a metric
 * between 0 and 1 is taken for a share: its estimate is drawn to the baseline's as if four examples
 * more had been like it, and z standard errors sqrt(p(1 - p) / n) are taken off the difference. Any
 * other metric's differences are multiplied with n / (n + median n).
 *
 * Of many slices, some are far off by chance: the largest of m normal deviates is about sqrt(2 ln m).
 * Intervals are widened to that.
 */
export function worstSlices(
  model: Model,
  run: Run,
  metric: Metric,
  baseline: number,
  count: number,
): Ranking {
  const values = model.column(run.id, metric.id);
  const centre = values?.v[baseline] ?? Number.NaN;
  const none: Ranking = { worst: [], shrinkage: "none", compared: 0, widening: 1 };
  if (!values || Number.isNaN(centre) || metric.better === "none") return none;
  const sign = metric.better === "up" ? 1 : -1;
  const weights = model.column(run.id, model.source.weight ?? "")?.v;
  const rows = Int32Array.from(values.v.keys()).filter(
    (row) => row !== baseline && !Number.isNaN(values.v[row]),
  );
  const shrinkage = shrinkageOf(values, metric, rows, weights);
  const widening = Math.max(1, Math.sqrt(2 * Math.log(rows.length)) / Z);
  const known = { values, weights, rows, baseline, centre, sign, metric, widening };
  const score = scores[shrinkage](known);
  const worst: WorstSlice[] = [];
  for (const row of rows) {
    const effect = sign * (centre - values.v[row]!);
    const found = effect > 0 ? score(row, effect) : Number.NaN;
    if (Number.isNaN(found)) continue;
    worst.push({
      row,
      value: values.v[row]!,
      effect,
      score: found,
      n: weights?.[row] ?? Number.NaN,
    });
  }
  worst.sort((one, other) => other.score - one.score || one.row - other.row);
  return { worst: worst.slice(0, count), shrinkage, compared: rows.length, widening };
}

interface Known {
  values: Values;
  weights: Float64Array | undefined;
  rows: Int32Array;
  baseline: number;
  centre: number;
  sign: number;
  metric: Metric;
  widening: number;
}

const scores: Record<Shrinkage, (known: Known) => Score> = {
  interval: byInterval,
  share: byShare,
  weight: byWeight,
  none: () => (_, effect) => effect,
};

function shrinkageOf(
  { v, lo, hi }: Values,
  { range, better }: Metric,
  rows: Int32Array,
  weights: Float64Array | undefined,
): Shrinkage {
  if (lo && hi && rows.some((row) => hi[row]! > lo[row]!)) return "interval";
  if (!weights) return "none";
  const isShare = range
    ? range[0] === 0 && range[1] === 1
    : better === "up" && rows.every((row) => v[row]! >= 0 && v[row]! <= 1);
  return isShare ? "share" : "weight";
}

/** The lower end of the difference's interval. One of no width says that too little was drawn. */
function byInterval(known: Known): Score {
  const { values, weights, rows, baseline, centre, sign, metric, widening } = known;
  const { v, lo, hi } = values as Required<Values>;
  const noise = weights && noiseOf(rows, values, weights, centre, metric.range);
  const below = (row: number): number => (sign > 0 ? v[row]! - lo[row]! : hi[row]! - v[row]!);
  const above = (row: number): number => (sign > 0 ? hi[row]! - v[row]! : v[row]! - lo[row]!);
  const own = below(baseline) || 0;
  return (row, effect) => {
    const expected = noise ? noise.width / Math.sqrt(weights[row]!) : Number.NaN;
    const half = hi[row]! > lo[row]! ? above(row) : expected;
    return effect - widening * Math.hypot(half, own);
  };
}

function byShare({ values, weights, centre, sign, widening }: Known): Score {
  return (row) => {
    const n = weights![row]!;
    const drawn = (n * values.v[row]! + PRIOR * centre) / (n + PRIOR);
    const error = Math.sqrt((drawn * (1 - drawn)) / (n + PRIOR));
    return sign * (centre - drawn) - Z * widening * error;
  };
}

function byWeight({ weights, rows }: Known): Score {
  const sorted = Float64Array.from(rows, (row) => weights![row]!)
    .filter((n) => n > 0)
    .sort();
  const median = sorted[sorted.length >> 1] ?? 1;
  return (row, effect) => (effect * weights![row]!) / (weights![row]! + median);
}
