/** Slices by buckets of a metric's value. */
export interface Histogram {
  /** What the buckets cover; both 0 where there are none. */
  lo: number;
  hi: number;
  /** The bounds of the buckets, one more than there are. A bucket has its lower bound, the last one both. */
  edges: Float64Array;
  slices: Float64Array;
  /** Sums of weights; a missing weight is 0. */
  examples: Float64Array;
  /** How many of the rows have no value. */
  missing: number;
}

export const MAX_BUCKETS = 50;

/** The least and the largest value of rows; undefined where none has one. */
export function extentOf(
  rows: Int32Array,
  values: Float64Array,
): [lo: number, hi: number] | undefined {
  let [lo, hi] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    const value = values[row]!;
    if (value < lo) lo = value;
    if (value > hi) hi = value;
  }
  return lo <= hi ? [lo, hi] : undefined;
}

/**
 * Counts rows by buckets of equal width.
 *
 * @param weights what a row counts among the examples; without, nothing
 * @param count how many buckets; one will do where all values are the same
 * @param within what the buckets cover, instead of all values; rows outside do not count
 */
export function histogramOf(
  rows: Int32Array,
  values: Float64Array,
  weights: Float64Array | undefined,
  count: number,
  within?: readonly [number, number],
): Histogram {
  const [lo, hi] = within ?? extentOf(rows, values) ?? [0, 0];
  const size = lo === hi ? 1 : count;
  const slices = new Float64Array(size);
  const examples = new Float64Array(size);
  let missing = 0;
  for (const row of rows) {
    const value = values[row]!;
    if (Number.isNaN(value)) missing++;
    else if (value >= lo && value <= hi) {
      const bucket = bucketOf(value, lo, hi, size);
      slices[bucket]!++;
      if (weights) examples[bucket]! += weights[row]! || 0;
    }
  }
  const edges = Float64Array.from({ length: size + 1 }, (_, at) => {
    const share = at / size;
    return share === 1 ? hi : lo * (1 - share) + hi * share;
  });
  return { lo, hi, edges, slices, examples, missing };
}

/** The bucket that a value between the bounds falls into. */
export function bucketOf(value: number, lo: number, hi: number, count: number): number {
  if (lo === hi) return 0;
  // halves, so that the width of all numbers there are is a number, too
  const share = (value / 2 - lo / 2) / (hi / 2 - lo / 2);
  return Math.min(count - 1, Math.max(0, Math.floor(share * count)));
}

/** The rows in a bucket. */
export function rowsIn(
  histogram: Histogram,
  bucket: number,
  rows: Int32Array,
  values: Float64Array,
): Int32Array {
  const { lo, hi, slices } = histogram;
  return rows.filter((row) => {
    const value = values[row]!;
    return value >= lo && value <= hi && bucketOf(value, lo, hi, slices.length) === bucket;
  });
}

/** Where on an axis of length 1 a count stands: by its size, or by its logarithm. */
export function countPlace(count: number, most: number, logarithmic: boolean): number {
  if (most <= 0) return 0;
  return logarithmic ? Math.log1p(count) / Math.log1p(most) : count / most;
}

/** Round counts for the marks of an axis. */
export function countTicks(most: number, logarithmic: boolean): number[] {
  if (most <= 0) return [0];
  if (logarithmic) {
    const ticks = [0];
    const factor = most > 1e6 ? 100 : 10;
    for (let tick = 1; tick <= most; tick *= factor) ticks.push(tick);
    return ticks;
  }
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough)!;
  const ticks: number[] = [];
  for (let index = 0; index * step <= most * (1 + 1e-9); index++) ticks.push(index * step);
  return ticks;
}
