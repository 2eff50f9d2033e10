/** A run of places that are drawn, the end not included. */
export interface Span {
  from: number;
  to: number;
}

/** The rows of one height that are in sight, and `beyond` ones on both sides. */
export function rowsInSight(
  top: number,
  height: number,
  rowHeight: number,
  count: number,
  beyond = 3,
): Span {
  const from = Math.max(0, Math.min(count, Math.floor(top / rowHeight)) - beyond);
  const to = Math.min(count, Math.ceil((top + height) / rowHeight) + beyond);
  return { from, to: Math.max(from, to) };
}

/** Where each column begins, and where the last one ends. */
export function offsetsOf(widths: readonly number[]): number[] {
  const offsets = [0];
  for (const width of widths) offsets.push(offsets.at(-1)! + width);
  return offsets;
}

/** The columns that are in sight; `offsets` as `offsetsOf` gives them. */
export function columnsInSight(left: number, width: number, offsets: readonly number[]): Span {
  const count = offsets.length - 1;
  let from = 0;
  while (from < count && offsets[from + 1]! <= left) from++;
  let to = from;
  while (to < count && offsets[to]! < left + width) to++;
  return { from, to };
}

/** The place between columns that is nearest to a point. */
export function gapAt(point: number, offsets: readonly number[]): number {
  let gap = 0;
  while (gap < offsets.length - 1 && point > (offsets[gap]! + offsets[gap + 1]!) / 2) gap++;
  return gap;
}

/** How far to scroll so that a thing is in sight; as far as now where it is. */
export function scrollTo(now: number, room: number, from: number, to: number): number {
  if (from < now) return from;
  return to > now + room ? to - room : now;
}
