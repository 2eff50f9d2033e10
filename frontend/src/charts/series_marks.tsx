/** So many series can be told apart. */
export const MAX_SERIES = 8;

// a circle, a square, triangles, a diamond, crosses: of one area, around 0, 0
const SHAPES: readonly string[] = [
  "M3.6,0A3.6,3.6,0,1,1,-3.6,0A3.6,3.6,0,1,1,3.6,0Z",
  "M-3.2,-3.2h6.4v6.4h-6.4Z",
  "M0,-4.8L4.6,3.2H-4.6Z",
  "M0,-4.6L4.6,0L0,4.6L-4.6,0Z",
  "M-1.4,-4.2h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8v-2.8h2.8Z",
  "M0,4.8L4.6,-3.2H-4.6Z",
  "M-4,-2L-2,-4L0,-2L2,-4L4,-2L2,0L4,2L2,4L0,2L-2,4L-4,2L-2,0Z",
  "M-4.2,-2.2h8.4v4.4h-8.4Z",
];

/** The colour of a series. */
export function seriesColour(index: number): string {
  return `var(--series-${index % MAX_SERIES})`;
}

/** The outline of a series' points, around 0, 0: nobody needs to tell colours apart. */
export function seriesShape(index: number): string {
  return SHAPES[index % MAX_SERIES]!;
}

/** A point of a series for a legend. */
export function SeriesMark({ index }: { index: number }) {
  return (
    <svg width={22} height={12} viewBox="-11 -6 22 12" aria-hidden="true">
      <path d="M-11,0H11" stroke={seriesColour(index)} stroke-width={1.6} />
      <path d={seriesShape(index)} fill={seriesColour(index)} />
    </svg>
  );
}
