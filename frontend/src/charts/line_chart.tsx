import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { extentOf, nextPlace, type Series, spread } from "../logic/series";
import { useWidth } from "../ui/size";
import { Tip } from "../ui/tip";
import { AxisLeft } from "./axis";
import { bandPath } from "./band_path";
import { linePath } from "./line_path";
import { linear, rounded } from "./scale";
import { seriesColour, seriesShape } from "./series_marks";
import { fittingLabels } from "./tick_labels";

/** A place in a line chart. */
export interface Place {
  index: number;
  series: number;
}

interface Props {
  /** What it shows, in a sentence. */
  summary: string;
  /** Where each point stands; ascending. */
  positions: Float64Array;
  labels: readonly string[];
  axisLabel: string;
  series: readonly Series[];
  /** All values that there can be, where that is known. */
  range: readonly [number, number] | undefined;
  /** At most so many points can be walked to without a key's help. */
  maxPoints: number;
  /** The place that is marked, here or in another chart. */
  marked: ReadonlySignal<(Place & { own: boolean }) | null>;
  /** A point as text. */
  text(place: Place): string;
  tip(place: Place): ComponentChildren;
  onMark(place: Place | null): void;
  onChoose?: (place: Place) => void;
}

type Scales = ReturnType<typeof scalesOf>;

const HEIGHT = 190;
const LEFT = 52;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 38;
/** Closer points than this, in pixels, are not drawn as points; the line is. */
const SPACE = 9;
/** Lines of more points than this are drawn thin. */
const DENSE = 200;

/** Lines with bands of their intervals. Points answer to the pointer and, one stop of the tab key, to keys. */
export function LineChart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 420);
  const { positions, series, range } = props;
  const scales = useMemo(
    () => scalesOf(positions, series, range, width),
    [positions, series, range, width],
  );
  const move = (event: PointerEvent): void => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    props.onMark(nearest(props, scales, x, y));
  };
  return (
    <div ref={box} class="chart line-chart">
      <Picture {...props} scales={scales} width={width} />
      <svg
        class="points"
        role="group"
        aria-label="Points"
        width={width}
        height={HEIGHT}
        onPointerMove={move}
        onPointerLeave={() => props.onMark(null)}
      >
        <Cursor {...props} scales={scales} />
        <Points {...props} scales={scales} width={width} />
      </svg>
      <MarkedTip {...props} scales={scales} width={width} />
    </div>
  );
}

interface Inner extends Props {
  scales: Scales;
  width: number;
}

function Picture({ summary, positions, labels, axisLabel, series, scales, width }: Inner) {
  const { x, y } = scales;
  const shapes = useMemo(
    () => series.map((one) => shapesOf(one, positions, x, y)),
    [series, positions, x, y],
  );
  const ticks = fittingLabels(labels, (index) => x(positions[index]!), width);
  return (
    <svg role="img" aria-label={summary} width={width} height={HEIGHT}>
      <AxisLeft scale={y} at={LEFT} width={width - LEFT - RIGHT} count={4} />
      <g class="axis" transform={`translate(0,${HEIGHT - BOTTOM})`} aria-hidden="true">
        <line x1={LEFT} x2={width - RIGHT} />
        {ticks.map(({ index, label, at }) => (
          <text key={index} x={at} y={15} text-anchor="middle">
            {label}
          </text>
        ))}
        <text x={(LEFT + width - RIGHT) / 2} y={32} text-anchor="middle">
          {axisLabel}
        </text>
      </g>
      {shapes.map(({ band }, index) => (
        <path key={series[index]!.name} class="band" d={band} fill={seriesColour(index)} />
      ))}
      {shapes.map(({ path }, index) => (
        <path
          key={series[index]!.name}
          class={positions.length > DENSE ? "line thin" : "line"}
          d={path}
          stroke={seriesColour(index)}
        />
      ))}
    </svg>
  );
}

/** What marks a run in all lines. */
function Cursor({ marked, positions, series, scales }: Omit<Inner, "width">) {
  const place = marked.value;
  if (!place || place.index < 0) return null;
  const { x, y } = scales;
  const at = x(positions[place.index]!);
  return (
    <g aria-hidden="true" pointer-events="none">
      <line class="cursor" x1={at} x2={at} y1={TOP} y2={HEIGHT - BOTTOM} />
      {series.map(({ name, v }, index) => {
        const value = v[place.index]!;
        return Number.isNaN(value) ? null : (
          <circle
            key={name}
            class="ring"
            cx={at}
            cy={y(value)}
            r={index === place.series ? 6.5 : 5}
            stroke={seriesColour(index)}
          />
        );
      })}
    </g>
  );
}

function Points({ positions, series, scales, width, maxPoints, text, onMark, onChoose }: Inner) {
  const { x, y } = scales;
  const [stop, setStop] = useState<Place | null>(null);
  const focused = useRef<SVGPathElement>(null);
  const isWalking = useRef(false);
  useLayoutEffect(() => {
    if (isWalking.current) focused.current?.focus();
    isWalking.current = false;
  });
  const current = stop && isPlace(series, stop) ? stop : lastPlace(series);
  const most = Math.min(maxPoints, Math.floor((width - LEFT - RIGHT) / SPACE));
  const shown = new Set(spread(positions.length, most));
  const size = shown.size < positions.length ? " scale(0.7)" : "";
  const walk = (event: KeyboardEvent, place: Place): void => {
    if (event.key === "Escape") onMark(null);
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onChoose?.(place);
    }
    const to = target(series, place, event.key);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    isWalking.current = true;
    setStop(to);
  };
  return (
    <g>
      {series.flatMap(({ name, v }, s) =>
        Array.from(v, (value, index) => {
          const isCurrent = current?.series === s && current.index === index;
          if (Number.isNaN(value) || !(shown.has(index) || isCurrent)) return null;
          const place = { index, series: s };
          return (
            <path
              key={`${index} ${name}`}
              ref={isCurrent ? focused : undefined}
              class="point"
              role="button"
              tabindex={isCurrent ? 0 : -1}
              aria-label={text(place)}
              d={seriesShape(s)}
              fill={seriesColour(s)}
              transform={`translate(${x(positions[index]!).toFixed(1)},${y(value).toFixed(1)})${size}`}
              onFocus={() => {
                setStop(place);
                onMark(place);
              }}
              onBlur={() => onMark(null)}
              onKeyDown={(event) => walk(event, place)}
              onClick={() => onChoose?.(place)}
            />
          );
        }),
      )}
    </g>
  );
}

function MarkedTip({ marked, positions, series, scales, width, tip }: Inner) {
  const place = marked.value;
  const value = place ? series[place.series]?.v[place.index] : undefined;
  if (!place?.own || value === undefined || Number.isNaN(value)) return null;
  const at = scales.x(positions[place.index]!);
  return (
    <Tip x={at} y={TOP} width={width}>
      {tip(place)}
    </Tip>
  );
}

function scalesOf(
  positions: Float64Array,
  series: readonly Series[],
  range: readonly [number, number] | undefined,
  width: number,
) {
  const [first, last] = [positions[0] ?? 0, positions.at(-1) ?? 0];
  const alone = first === last ? 1 : 0;
  const x = linear([first - alone, last + alone], [LEFT + 12, width - RIGHT - 12]);
  const [lo, hi] = extentOf(series) ?? [0, 1];
  const margin = (hi - lo) * 0.06 || Math.abs(hi) * 0.05 || 1;
  // no ticks where no values can be
  const [from, to] = rounded([lo - margin, hi + margin], 4);
  const least = range && lo >= range[0] ? range[0] : lo >= 0 ? 0 : from;
  const most = range && hi <= range[1] ? range[1] : to;
  return { x, y: linear([Math.max(from, least), Math.min(to, most)], [HEIGHT - BOTTOM, TOP]) };
}

function shapesOf({ v, lo, hi }: Series, positions: Float64Array, x: Scales["x"], y: Scales["y"]) {
  return { path: linePath(positions, v, x, y), band: bandPath(positions, lo, hi, x, y) };
}

/** The place whose point lies nearest to a point of the chart; of equally near runs the nearest value. */
function nearest(
  { positions, series }: Props,
  { x, y }: Scales,
  atX: number,
  atY: number,
): Place | null {
  let best: Place | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < positions.length; index++) {
    const across = Math.abs(x(positions[index]!) - atX);
    // the run counts first, its values only among runs at one place
    if (across * 1e4 > least) continue;
    for (let s = 0; s < series.length; s++) {
      const value = series[s]!.v[index]!;
      if (Number.isNaN(value)) continue;
      const distance = across * 1e4 + Math.abs(y(value) - atY);
      if (distance < least) [least, best] = [distance, { index, series: s }];
    }
  }
  return best;
}

function isPlace(series: readonly Series[], { index, series: s }: Place): boolean {
  return !Number.isNaN(series[s]?.v[index] ?? Number.NaN);
}

function lastPlace(series: readonly Series[]): Place | null {
  for (let s = 0; s < series.length; s++) {
    const { v } = series[s]!;
    const index = nextPlace(v, v.length, -1);
    if (index < v.length) return { index, series: s };
  }
  return null;
}

/** Where a key leads. */
function target(series: readonly Series[], { index, series: s }: Place, key: string): Place | null {
  const { v } = series[s]!;
  const inLine = {
    ArrowRight: () => nextPlace(v, index, 1),
    ArrowLeft: () => nextPlace(v, index, -1),
    Home: () => nextPlace(v, -1, 1),
    End: () => nextPlace(v, v.length, -1),
  }[key];
  if (inLine) return { index: inLine(), series: s };
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!step) return null;
  for (let to = s + step; to >= 0 && to < series.length; to += step) {
    if (isPlace(series, { index, series: to })) return { index, series: to };
  }
  return { index, series: s };
}
