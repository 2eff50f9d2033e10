import { nice, ticks } from "d3-array";

/** From values to places, and the round values between. d3-scale would add its colours, dates and their parsers. */
export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
  /** About so many round values. */
  ticks(count?: number): number[];
}

type Pair = readonly [number, number];

/** Even steps of values are even steps of places. An empty domain lies in the middle of the range. */
export function linear(domain: Pair, range: Pair): Scale {
  const [lo, hi] = domain;
  return Object.assign(placing(lo, hi, range), {
    domain,
    ticks: (count = 5) => (Number.isFinite(hi - lo) ? ticks(lo, hi, count) : [lo, hi]),
  });
}

/** Even factors of values are even steps of places; values that are not positive have no place. */
export function logarithmic(domain: Pair, range: Pair): Scale {
  const [lo, hi] = [Math.log10(domain[0]), Math.log10(domain[1])];
  const place = placing(lo, hi, range);
  return Object.assign((value: number) => (value > 0 ? place(Math.log10(value)) : Number.NaN), {
    domain,
    ticks: (count = 5) => powers(lo, hi, count),
  });
}

/** The domain, widened to round values. */
export function rounded([lo, hi]: Pair, count = 5): [number, number] {
  return Number.isFinite(hi - lo) ? (nice(lo, hi, count) as [number, number]) : [lo, hi];
}

function placing(lo: number, hi: number, [from, to]: Pair): (value: number) => number {
  // by halves: between the largest numbers of both signs lies more than a number can say
  const span = hi / 2 - lo / 2;
  return (value) => from + (to - from) * (span === 0 ? 0.5 : (value / 2 - lo / 2) / span);
}

/** Powers of ten; where fewer than two lie within, round values. */
function powers(lo: number, hi: number, count: number): number[] {
  const [first, last] = [Math.ceil(lo - 1e-9), Math.floor(hi + 1e-9)];
  if (last - first < 1) return ticks(10 ** lo, 10 ** hi, count);
  const step = Math.max(1, Math.ceil((last - first) / count));
  const found: number[] = [];
  for (let power = first; power <= last; power += step) found.push(10 ** power);
  return found;
}
