import type { Values } from "../report/model";

/** Half the width of a row's interval; NaN where it has none. */
export function halfInterval(values: Values | undefined, row: number): number {
  if (!values?.lo || !values.hi) return Number.NaN;
  return values.hi[row]! / 2 - values.lo[row]! / 2;
}

/** The standard deviation of the values of rows; NaN below two of them. */
export function spreadOf(rows: Int32Array, values: Float64Array): number {
  let [count, mean, squares] = [0, 0, 0];
  for (const row of rows) {
    const value = values[row]!;
    if (Number.isNaN(value)) continue;
    // Welford
    const step = value - mean;
    mean += step / ++count;
    squares += step * (value - mean);
  }
  return count > 1 ? Math.sqrt(squares / (count - 1)) : Number.NaN;
}

/**
 * How large a difference is, in units of what is to be expected by chance: of both intervals
 * together, sqrt(h1² + h2²), or, without intervals, of the spread over the slices. 0 where nothing
 * varies and nothing differs, NaN where there is no difference.
 */
export function inUnits(
  difference: number,
  half: number,
  otherHalf: number,
  spread: number,
): number {
  if (difference === 0) return 0;
  const known = Number.isNaN(otherHalf) ? half : Math.hypot(half, otherHalf);
  const unit = known > 0 ? known : spread;
  return unit > 0 ? difference / unit : Number.NaN;
}
