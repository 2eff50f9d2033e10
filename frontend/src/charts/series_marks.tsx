import {
  type SymbolType,
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
  symbolWye,
} from "d3-shape";

/** So many series can be told apart. */
export const MAX_SERIES = 8;

const SIZE = 40;
const turned = (path: string): string => path.replaceAll(/,(-?[\d.]+)/g, (_, y) => `,${-y}`);
const paths: readonly string[] = [
  shape(symbolCircle),
  shape(symbolSquare),
  shape(symbolTriangle),
  shape(symbolDiamond),
  shape(symbolCross),
  shape(symbolStar),
  turned(shape(symbolTriangle)),
  shape(symbolWye),
];

/** The colour of a series. */
export function seriesColour(index: number): string {
  return `var(--series-${index % MAX_SERIES})`;
}

/** The outline of a series' points, around 0, 0: nobody needs to tell colours apart. */
export function seriesShape(index: number): string {
  return paths[index % MAX_SERIES]!;
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

function shape(type: SymbolType): string {
  return symbol(type, SIZE)() ?? "";
}
