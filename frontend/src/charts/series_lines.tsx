import { useMemo } from "preact/hooks";
import { linePath } from "./line_path";
import { seriesColour, seriesShape } from "./series_marks";
import type { Frame } from "./xy_chart";

export interface Line {
  key: string;
  /** Place in the palette. */
  place: number;
  dashed: boolean;
  x: Float64Array;
  y: Float64Array;
}

const DASHES = "5 4";

/** Lines of series; those of what is compared with are dashed. */
export function SeriesLines({ lines, frame }: { lines: readonly Line[]; frame: Frame }) {
  return (
    <>
      {lines.map((line) => (
        <OneLine key={line.key} line={line} frame={frame} />
      ))}
    </>
  );
}

function OneLine({ line, frame }: { line: Line; frame: Frame }) {
  const { x, y, place, dashed } = line;
  const path = useMemo(() => linePath(x, y, frame.x, frame.y), [x, y, frame]);
  return (
    <path
      class="line"
      d={path}
      stroke={seriesColour(place)}
      stroke-dasharray={dashed ? DASHES : undefined}
    />
  );
}

interface MarkProps {
  place: number;
  dashed: boolean;
  x: number;
  y: number;
}

/** The sign of a series at a point; hollow where it is compared with. Nothing where a number is missing. */
export function PointMark({ place, dashed, x, y }: MarkProps) {
  if (!Number.isFinite(x + y)) return null;
  const colour = seriesColour(place);
  return (
    <path
      class="mark"
      d={seriesShape(place)}
      transform={`translate(${x},${y}) scale(1.25)`}
      fill={dashed ? "var(--paper)" : colour}
      stroke={dashed ? colour : "var(--paper)"}
    />
  );
}

/** How a series looks, for legends. */
export function LineSample({ place, dashed }: { place: number; dashed: boolean }) {
  return (
    <svg width={26} height={12} viewBox="-13 -6 26 12" aria-hidden="true">
      <path
        d="M-13,0H13"
        stroke={seriesColour(place)}
        stroke-width={1.6}
        stroke-dasharray={dashed ? DASHES : undefined}
      />
      <PointMark place={place} dashed={dashed} x={0} y={0} />
    </svg>
  );
}
