import { formatShort } from "../logic/format";
import type { Scale } from "./scale";

interface Props {
  scale: Scale;
  /** Where the axis stands, across its own direction, in pixels. */
  at: number;
  count?: number;
  label?: string;
  format?: (value: number) => string;
}

/** A horizontal axis below a chart. */
export function AxisBottom({ scale, at, count = 6, label, format = formatShort }: Props) {
  const ticks = placed(scale, count);
  const [first, last] = [scale(ticks[0] ?? 0), scale(ticks.at(-1) ?? 0)];
  return (
    <g class="axis" transform={`translate(0,${at})`} aria-hidden="true">
      {ticks.map((tick) => (
        <g key={tick} transform={`translate(${scale(tick)},0)`}>
          <line y2={4} />
          <text y={16} text-anchor="middle">
            {format(tick)}
          </text>
        </g>
      ))}
      {label && (
        <text x={(first + last) / 2} y={32} text-anchor="middle" class="axis-label">
          {label}
        </text>
      )}
    </g>
  );
}

/** A vertical axis left of a chart, with lines across its width. */
export function AxisLeft({
  scale,
  at,
  count = 5,
  label,
  width = 0,
  format = formatShort,
}: Props & { width?: number }) {
  return (
    <g class="axis" transform={`translate(${at},0)`} aria-hidden="true">
      {placed(scale, count).map((tick) => (
        <g key={tick} transform={`translate(0,${scale(tick)})`}>
          <line x2={width} class="grid-line" />
          <text x={-6} dy="0.32em" text-anchor="end">
            {format(tick)}
          </text>
        </g>
      ))}
      {label && (
        <text x={-6} y={10} text-anchor="end" class="axis-label">
          {label}
        </text>
      )}
    </g>
  );
}

/** The ticks that have a place: of the largest numbers there may be none. */
function placed(scale: Scale, count: number): number[] {
  return scale.ticks(count).filter((tick) => Number.isFinite(scale(tick)));
}
