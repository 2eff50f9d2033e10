import { formatChange, formatValue } from "./format";

const [four, two] = [4, 2].map((digits) => {
  const range = { minimumSignificantDigits: digits, maximumSignificantDigits: digits };
  return new Intl.NumberFormat("en", range).format;
}) as [(value: number) => string, (value: number) => string];
/** Between these, numbers are written without an exponent. */
const [SMALL, LARGE] = [1e-4, 1e15];

function isPlain(value: number): boolean {
  const size = Math.abs(value);
  return size >= SMALL && size < LARGE;
}

/** A number for a column of them: four digits always, so that points stand below each other. */
export function formatCell(value: number, isCount: boolean): string {
  return isCount || !isPlain(value) ? formatValue(value) : four(value);
}

/** The half width of an interval: two digits are as much as it bears. */
export function formatHalf(half: number): string {
  return isPlain(half) ? two(half) : formatValue(half);
}

/** A difference with its sign, with two digits, or, of whole numbers, all. */
export function formatDifference(change: number, isCount: boolean): string {
  if (isCount || !isPlain(change)) return formatChange(change);
  return change > 0 ? `+${two(change)}` : two(change);
}
