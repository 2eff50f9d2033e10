import { formatChange, formatValue } from "./format";

export { halfInterval as halfWidth } from "./difference";

/** How a difference is told: absolute, as a share of the baseline, as a multiple of it. */
export type How = "abs" | "rel" | "ratio";

/** A value against another. */
export interface Against {
  /** In the wanted form; NaN where there is none. */
  amount: number;
  /** Value less baseline, whatever the form. */
  change: number;
  /** Why there is none. */
  why?: string;
}

// what is left of a sum of equal parts is no difference
const ROUNDING = 1e-12;

/** Sets a value against a baseline. */
export function against(value: number, baseline: number, how: How): Against {
  const none = (why: string, change = Number.NaN): Against => ({
    amount: Number.NaN,
    change,
    why,
  });
  if (Number.isNaN(value)) return none("no value here");
  if (Number.isNaN(baseline)) return none("the baseline has no value");
  let change = value - baseline;
  if (Math.abs(change) <= ROUNDING * Math.max(Math.abs(value), Math.abs(baseline))) change = 0;
  if (how === "abs") return { amount: change, change };
  if (baseline === 0) return none("the baseline is 0", change);
  return { amount: how === "rel" ? change / Math.abs(baseline) : value / baseline, change };
}

export function formatAgainst(amount: number, how: How): string {
  if (how === "abs") return formatChange(amount);
  if (how === "ratio") return Number.isNaN(amount) ? "–" : `× ${formatValue(amount)}`;
  if (Number.isNaN(amount)) return "–";
  const percent = Number((amount * 100).toPrecision(3));
  return `${formatChange(percent)} %`;
}

/**
 * Whether two values differ by more than their intervals explain: by more than the root of the
 * sum of the squared half widths, as for independent estimates. Undefined where one has none.
 */
export function isSignificant(change: number, one: number, other: number): boolean | undefined {
  const width = Math.hypot(one, other);
  if (Number.isNaN(width) || Number.isNaN(change)) return undefined;
  return Math.abs(change) > width;
}
