import type { Values } from "../report/model";
import { halfInterval } from "./difference";

/** How far values of a slice are expected to stray by chance: `width / sqrt(weight)` about a value. */
export interface Noise {
  width: number;
  /** Where the width is from. */
  from: "intervals" | "proportions";
}

/** 97.5 % of a normal distribution lie below. */
const Z = 1.96;

/**
 * The noise of a metric: the median over slices of half interval · sqrt(weight); without intervals,
 * for metrics between 0 and 1, that of a share about the centre, z · sqrt(p(1 - p)). undefined where
 * neither is known.
 */
export function noiseOf(
  rows: Int32Array,
  values: Values,
  weights: Float64Array,
  centre: number,
  range: readonly number[] | undefined,
): Noise | undefined {
  const widths: number[] = [];
  for (const row of rows) {
    const width = halfInterval(values, row) * Math.sqrt(weights[row]!);
    if (width > 0 && Number.isFinite(width)) widths.push(width);
  }
  if (widths.length > 0) {
    const sorted = Float64Array.from(widths).sort();
    return { width: sorted[sorted.length >> 1]!, from: "intervals" };
  }
  const isShare = range?.[0] === 0 && range[1] === 1 && centre > 0 && centre < 1;
  return isShare ? { width: Z * Math.sqrt(centre * (1 - centre)), from: "proportions" } : undefined;
}
