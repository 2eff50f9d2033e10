import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { useWidth } from "../ui/size";
import { Tip } from "../ui/tip";
import { AxisBottom, AxisLeft } from "./axis";
import { linear, rounded, type Scale } from "./scale";

/** What a point means, which decides upon its colour and shape. */
export type PointKind = 0 | 1 | 2;

interface Props {
  /** What it shows, in a sentence. */
  summary: string;
  /** By row. */
  x: Float64Array;
  y: Float64Array;
  kinds: Uint8Array;
  rows: Int32Array;
  xLabel: string;
  yLabel: string;
  /** Names of the kinds. */
  legend: readonly [string, string, string];
  /** Some rows that keys can reach; the table beside has all of them. */
  stops: readonly number[];
  /** The row that is chosen, and the one that is pointed at; -1 for none. */
  selected: number;
  marked: Signal<number>;
  /** The intervals of a row. */
  bounds(row: number): { x: readonly [number, number]; y: readonly [number, number] };
  text(row: number): string;
  tip(row: number): ComponentChildren;
  onChoose(row: number): void;
}

const LEFT = 46;
const TOP = 12;
const BOTTOM = 40;
const RIGHT = 10;
const MAX_WIDTH = 400;
/** What lies in one cell of this size, in pixels, is drawn once. */
const CELL = 1.5;
/** How far from a point one may click, in pixels. */
const NEAR = 14;
const COLOURS = ["var(--dim)", "var(--better)", "var(--worse)"];

/** The same numbers twice: what lies on the diagonal did not change. */
export function PairChart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const width = Math.min(useWidth(box, 420), MAX_WIDTH);
  const side = width - LEFT - RIGHT;
  const height = side + TOP + BOTTOM;
  const { x, y, rows, kinds, marked } = props;
  const scales = useMemo(() => scalesOf(x, y, rows, side), [x, y, rows, side]);
  const paths = useMemo(() => pathsOf(x, y, rows, kinds, scales), [x, y, rows, kinds, scales]);
  const find = (event: MouseEvent): number => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    return nearest(props, scales, event.clientX - frame.left, event.clientY - frame.top);
  };
  const [from, to] = scales.x.domain;
  return (
    <div ref={box} class="chart pair-chart">
      <svg role="img" aria-label={props.summary} width={width} height={height}>
        <AxisLeft scale={scales.y} at={LEFT} width={side} count={5} />
        <AxisBottom scale={scales.x} at={TOP + side} count={5} label={props.xLabel} />
        <text x={LEFT} y={4} class="axis-label">
          ↑ {props.yLabel}
        </text>
        <line
          class="diagonal"
          x1={scales.x(from)}
          y1={scales.y(from)}
          x2={scales.x(to)}
          y2={scales.y(to)}
        />
        {paths.map((d, kind) => (
          <path key={COLOURS[kind]} class="dots" d={d} stroke={COLOURS[kind]} />
        ))}
      </svg>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the points in it answer to keys */}
      <svg
        class="points"
        role="group"
        aria-label="Largest changes"
        width={width}
        height={height}
        onPointerMove={(event) => {
          marked.value = find(event);
        }}
        onPointerLeave={() => {
          marked.value = -1;
        }}
        onClick={(event) => {
          const row = find(event);
          if (row >= 0) props.onChoose(row);
        }}
      >
        {props.stops.map((row) => (
          <Stop key={row} row={row} scales={scales} {...props} />
        ))}
        {props.selected >= 0 && <Ring row={props.selected} scales={scales} {...props} />}
        <Marked scales={scales} {...props} />
      </svg>
      <MarkedTip scales={scales} width={width} {...props} />
      <ul class="legend" aria-label="Legend">
        {props.legend.map((name, kind) => (
          <li key={name}>
            <svg width={10} height={10} viewBox="-5 -5 10 10" aria-hidden="true">
              <circle r={3.5} fill={COLOURS[kind]} />
            </svg>
            {name}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface Inner extends Props {
  scales: { x: Scale; y: Scale };
}

/** A point that keys reach, drawn by the dots beneath it. */
function Stop({ row, scales, x, y, stops, text, marked, onChoose }: Inner & { row: number }) {
  const isFirst = row === stops[0];
  const move = (event: KeyboardEvent): void => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onChoose(row);
    }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const element = event.currentTarget as Element;
    const next = step && (step > 0 ? element.nextElementSibling : element.previousElementSibling);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    if (next instanceof SVGElement && next.matches(".point")) next.focus();
  };
  if (!isPoint(x, y, row)) return null;
  return (
    <circle
      class="point clear"
      role="button"
      tabindex={isFirst ? 0 : -1}
      aria-label={text(row)}
      cx={scales.x(x[row]!)}
      cy={scales.y(y[row]!)}
      r={5}
      onKeyDown={move}
      onFocus={() => {
        marked.value = row;
      }}
      onBlur={() => {
        marked.value = -1;
      }}
    />
  );
}

function Ring({ row, scales, x, y, bounds }: Inner & { row: number }) {
  if (!isPoint(x, y, row)) return null;
  const [cx, cy] = [scales.x(x[row]!), scales.y(y[row]!)];
  const found = bounds(row);
  const across = found.x.map(scales.x) as [number, number];
  const along = found.y.map(scales.y) as [number, number];
  return (
    <g aria-hidden="true" pointer-events="none" class="marked-point">
      {!Number.isNaN(across[0] - across[1]) && (
        <line x1={across[0]} x2={across[1]} y1={cy} y2={cy} />
      )}
      {!Number.isNaN(along[0] - along[1]) && <line x1={cx} x2={cx} y1={along[0]} y2={along[1]} />}
      <circle cx={cx} cy={cy} r={6} />
    </g>
  );
}

function Marked(props: Inner) {
  const row = props.marked.value;
  return row >= 0 ? <Ring {...props} row={row} /> : null;
}

function MarkedTip({ marked, scales, x, y, width, tip }: Inner & { width: number }) {
  const row = marked.value;
  if (row < 0 || !isPoint(x, y, row)) return null;
  return (
    <Tip x={scales.x(x[row]!)} y={scales.y(y[row]!) + 14} width={width}>
      {tip(row)}
    </Tip>
  );
}

function isPoint(x: Float64Array, y: Float64Array, row: number): boolean {
  return !Number.isNaN(x[row]! + y[row]!);
}

/** One domain for both axes, so that the diagonal is where nothing changed. */
function scalesOf(x: Float64Array, y: Float64Array, rows: Int32Array, side: number) {
  let [lo, hi] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    if (!isPoint(x, y, row)) continue;
    lo = Math.min(lo, x[row]!, y[row]!);
    hi = Math.max(hi, x[row]!, y[row]!);
  }
  if (lo > hi) [lo, hi] = [0, 1];
  if (lo === hi) [lo, hi] = [lo - (Math.abs(lo) * 0.1 || 1), hi + (Math.abs(hi) * 0.1 || 1)];
  const domain = rounded([lo, hi]);
  return {
    x: linear(domain, [LEFT, LEFT + side]),
    y: linear(domain, [TOP + side, TOP]),
  };
}

/** The points of each kind as one path: there may be many. */
function pathsOf(
  x: Float64Array,
  y: Float64Array,
  rows: Int32Array,
  kinds: Uint8Array,
  scales: { x: Scale; y: Scale },
): string[] {
  const seen = new Set<number>();
  const parts: string[][] = [[], [], []];
  for (const row of rows) {
    if (!isPoint(x, y, row)) continue;
    const [column, line] = [
      Math.round(scales.x(x[row]!) / CELL),
      Math.round(scales.y(y[row]!) / CELL),
    ];
    const cell = (column * 4096 + line) * 4 + kinds[row]!;
    if (seen.has(cell)) continue;
    seen.add(cell);
    parts[kinds[row]!]!.push(`M${column * CELL},${line * CELL}h0`);
  }
  return parts.map((one) => one.join(""));
}

function nearest({ x, y, rows }: Props, scales: { x: Scale; y: Scale }, atX: number, atY: number) {
  let [best, least] = [-1, NEAR];
  for (const row of rows) {
    if (!isPoint(x, y, row)) continue;
    const distance = Math.hypot(scales.x(x[row]!) - atX, scales.y(y[row]!) - atY);
    if (distance < least) [least, best] = [distance, row];
  }
  return best;
}
