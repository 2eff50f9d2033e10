import { useRef, useState } from "preact/hooks";
import { shorten } from "../logic/format";
import { useWidth } from "../ui/size";
import { Tip } from "../ui/tip";
import { AxisLeft } from "./axis";
import { onPress, useRoving } from "./roving";
import { linear, rounded } from "./scale";

export interface Bar {
  name: string;
  value: number;
  /** The bounds of its interval; NaN for none. */
  lo: number;
  hi: number;
  /** All that is told of it. */
  text: string;
}

interface Props {
  /** The chart in a sentence. */
  label: string;
  bars: readonly Bar[];
  /** Whether the axis begins at 0; else bars are points, and the axis fits them. */
  fromZero: boolean;
  /** A line across; NaN for none. */
  line: number;
  lineLabel: string;
  selected: string;
  onSelect(name: string): void;
}

const HEIGHT = 230;
const LEFT = 52;
const TOP = 14;
const LABELS = 62;
const LABEL_STEP = 15;

/** Values as bars, with their intervals. */
export function BarChart(props: Props) {
  const { bars, fromZero, line, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [pointed, setPointed] = useState(-1);
  const roving = useRoving(
    bars.length,
    bars.findIndex((bar) => bar.name === selected),
  );
  const bottom = HEIGHT - LABELS;
  const step = Math.min(60, (width - LEFT - 8) / bars.length);
  const thick = Math.max(2, step * 0.72);
  const y = linear(rounded(domainOf(bars, fromZero, line)), [bottom, TOP]);
  const x = (index: number): number => LEFT + step * (index + 0.5);
  const zero = y(Math.max(y.domain[0], Math.min(0, y.domain[1])));
  const skip = Math.ceil(LABEL_STEP / step);
  const shown = bars[pointed];
  return (
    <div ref={box} class="chart">
      <svg
        width={width}
        height={HEIGHT}
        role="group"
        aria-label={props.label}
        onKeyDown={roving.onKeyDown}
      >
        <AxisLeft scale={y} at={LEFT} width={width - LEFT} />
        {bars.map((bar, index) => {
          const isSelected = bar.name === selected;
          const end = Number.isNaN(bar.value) ? zero : y(bar.value);
          return (
            <rect
              key={bar.name}
              {...roving.mark(index)}
              role="button"
              aria-label={bar.text}
              aria-pressed={isSelected}
              class={`bar ${isSelected ? "selected" : ""}`}
              x={x(index) - (fromZero ? thick / 2 : 4)}
              y={fromZero ? Math.min(end, zero) : end - 4}
              width={fromZero ? thick : 8}
              height={fromZero ? Math.max(1, Math.abs(end - zero)) : 8}
              rx={fromZero ? 1 : 4}
              visibility={Number.isNaN(bar.value) ? "hidden" : undefined}
              onPointerEnter={() => setPointed(index)}
              onPointerLeave={() => setPointed(-1)}
              onFocus={() => setPointed(index)}
              onBlur={() => setPointed(-1)}
              onClick={() => props.onSelect(bar.name)}
              onKeyDown={onPress(() => props.onSelect(bar.name))}
            />
          );
        })}
        <path class="whisker" d={whiskers(bars, x, y, Math.min(4, step / 4))} />
        {!Number.isNaN(line) && (
          <g class="reference">
            <line x1={LEFT} x2={width} y1={y(line)} y2={y(line)} />
            <text x={width - 2} y={y(line) - 4} text-anchor="end">
              {props.lineLabel}
            </text>
          </g>
        )}
        <g aria-hidden="true">
          {bars.map((bar, index) =>
            index % skip === 0 ? (
              <text
                key={bar.name}
                class={bar.name === selected ? "mark-label selected" : "mark-label"}
                transform={`translate(${x(index) + 3},${bottom + 12}) rotate(-32)`}
                text-anchor="end"
              >
                {shorten(bar.name, 18)}
              </text>
            ) : null,
          )}
        </g>
      </svg>
      {shown && (
        <Tip x={x(pointed)} y={TOP} width={width}>
          {shown.text}
        </Tip>
      )}
    </div>
  );
}

function domainOf(bars: readonly Bar[], fromZero: boolean, line: number): [number, number] {
  const values = bars
    .flatMap(({ value, lo, hi }) => [value, lo, hi])
    .concat(line, fromZero ? 0 : [])
    .filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (values.length === 0) return [0, 1];
  return low === high ? [low - (fromZero ? 0 : 0.5), high + 0.5] : [low, high];
}

/** All intervals in one path. */
function whiskers(
  bars: readonly Bar[],
  x: (index: number) => number,
  y: (value: number) => number,
  half: number,
): string {
  return bars
    .map(({ lo, hi }, index) => {
      if (!Number.isFinite(lo) || !Number.isFinite(hi)) return "";
      const [at, top, bottom] = [x(index), y(hi), y(lo)];
      const end = (place: number): string => `M${at - half},${place}h${2 * half}`;
      return `M${at},${bottom}V${top}${end(top)}${end(bottom)}`;
    })
    .join("");
}
