const { format: four } = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const { format: whole } = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const { format: short } = new Intl.NumberFormat("en", {
  notation: "compact",
  maximumSignificantDigits: 3,
});
const { format: tiny } = new Intl.NumberFormat("en", {
  notation: "scientific",
  maximumSignificantDigits: 4,
});

/** Below this, and above its inverse, numbers are written with an exponent. */
const TINY = 1e-4;
const HUGE = 1e15;

/** A number with four significant digits, whole numbers with all; `–` where there is none. */
export function formatValue(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < HUGE) return whole(value);
  const size = Math.abs(value);
  return size < TINY || size >= HUGE ? tiny(value) : four(value);
}

/** A number with all its digits. */
export function formatFull(value: number): string {
  return Number.isNaN(value) ? "NaN" : String(value);
}

/** A number for an axis: short, such as `12k`. */
export function formatShort(value: number): string {
  if (!Number.isFinite(value)) return formatValue(value);
  const size = Math.abs(value);
  return size >= 1000 && size < HUGE ? short(value) : formatValue(value);
}

/** A difference with its sign. */
export function formatChange(value: number): string {
  if (Number.isNaN(value)) return "–";
  return value > 0 ? `+${formatValue(value)}` : formatValue(value);
}

/** A share as per cent. */
export function formatPercent(share: number): string {
  return Number.isFinite(share)
    ? `${formatValue(Math.round(share * 1e5) / 1e3)} %`
    : formatValue(share);
}

/** A point of time in the reader's zone, to the minute; the text itself where it is none. */
export function formatTime(text: string | undefined): string {
  if (!text) return "";
  const time = new Date(text);
  if (Number.isNaN(time.valueOf())) return text;
  return `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
}

/** `1 slice`, `2 slices`. */
export function plural(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A long text with its middle left out. */
export function shorten(text: string, limit = 60): string {
  if (text.length <= limit) return text;
  const half = (limit - 1) >> 1;
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}
