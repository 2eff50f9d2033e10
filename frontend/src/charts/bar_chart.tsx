import { useRef, useState } from "preact/hooks";
import { shorten } from "../logic/format";
import { useWidth } from "../ui/size";
import { Tip } from "../ui/tip";
import { AxisLeft } from "./axis";
import { onPress, useRoving } from "./roving";
import { linear, rounded } from "./scale";

export interface Bar {
  name: string;
  /** What stands below it. */
  short: string;
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
  /** What the labels below have in common; may be empty. */
  caption: string;
  /** Whether the axis begins at 0; else bars are points, and the axis fits them. */
  fromZero: boolean;
  /** A line across; NaN for none. */
  line: number;
  lineLabel: string;
  selected: string;
  onSelect(name: string): void;
}

const [PLOT, TOP, LEFT, RIGHT] = [164, 14, 60, 76];
/** How high upright labels are; how long slanted ones are at most, in letters, and how near they stand. */
const [UPRIGHT, LETTERS, NEAR] = [20, 14, 15];
/** The width of a letter, and its share of the height of a slanted label. */
const [LETTER, SLOPE] = [6.6, 0.62];

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
  const bottom = TOP + PLOT;
  const step = Math.min(60, (width - LEFT - RIGHT) / bars.length);
  const longest = bars.reduce((most, { short }) => Math.max(most, short.length), 1);
  // every label, or every second or fifth one of short ones
  const every = [1, 2, 5].find((one) => (longest + 1) * LETTER < step * one && longest < 6 * one);
  const isSlanted = every === undefined || (every > 1 && longest > 4);
  const slanted = UPRIGHT + Math.min(LETTERS, longest) * LETTER * SLOPE;
  const height = bottom + (isSlanted ? slanted : UPRIGHT) + (props.caption ? 14 : 0);
  const thick = Math.max(2, step * 0.72);
  const y = linear(rounded(domainOf(bars, fromZero, line)), [bottom, TOP]);
  const x = (index: number): number => LEFT + step * (index + 0.5);
  const zero = y(Math.max(y.domain[0], Math.min(0, y.domain[1])));
  const skip = isSlanted ? Math.ceil(NEAR / step) : every;
  const shown = bars[pointed];
  return (
    <div ref={box} class="chart">
      <svg
        width={width}
        height={height}
        role="group"
        aria-label={props.label}
        onKeyDown={roving.onKeyDown}
      >
        <AxisLeft scale={y} at={LEFT} width={width - LEFT - RIGHT} />
        {bars.map((bar, index) => {
          const isSelected = bar.name === selected;
          const isMissing = !Number.isFinite(bar.value);
          const end = isMissing ? bottom : y(bar.value);
          const isBar = fromZero || isMissing;
          return (
            <rect
              key={bar.name}
              {...roving.mark(index)}
              role="button"
              aria-label={bar.text}
              aria-pressed={isSelected}
              class={`bar ${isSelected ? "selected" : ""} ${isMissing ? "missing" : ""}`}
              x={x(index) - (isBar ? thick / 2 : 4)}
              y={isMissing ? bottom - 3 : fromZero ? Math.min(end, zero) : end - 4}
              width={isBar ? thick : 8}
              height={isMissing ? 3 : fromZero ? Math.max(1, Math.abs(end - zero)) : 8}
              rx={isBar ? 1 : 4}
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
          <g class="level-line">
            <line x1={LEFT} x2={width - RIGHT} y1={y(line)} y2={y(line)} />
            <text x={width - RIGHT + 5} y={y(line)} dy="0.32em">
              {shorten(props.lineLabel, 12)}
            </text>
          </g>
        )}
        <g aria-hidden="true">
          {bars.map((bar, index) =>
            index % skip === 0 ? (
              <text
                key={bar.name}
                class={bar.name === selected ? "mark-label selected" : "mark-label"}
                transform={
                  isSlanted
                    ? `translate(${x(index) + 3},${bottom + 12}) rotate(-38)`
                    : `translate(${x(index)},${bottom + 15})`
                }
                text-anchor={isSlanted ? "end" : "middle"}
              >
                {shorten(bar.short, LETTERS)}
              </text>
            ) : null,
          )}
          {props.caption && (
            <text
              class="axis-label"
              x={(LEFT + x(bars.length - 0.5)) / 2}
              y={height - 3}
              text-anchor="middle"
            >
              {props.caption}
            </text>
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
