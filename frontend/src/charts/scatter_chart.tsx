import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useWidth } from "../ui/size";
import { Tip } from "../ui/tip";
import { AxisBottom, AxisLeft } from "./axis";
import { logarithmic as byFactors, linear, rounded, type Scale } from "./scale";

interface Props {
  /** The chart in a sentence. */
  label: string;
  rows: Int32Array;
  /** By row; NaN for none, which has no point. */
  x: Float64Array;
  y: Float64Array;
  xLabel: string;
  yLabel: string;
  logarithmic: boolean;
  /** A line across, and how far points stray from it by chance at a place of the x axis. */
  line: number;
  noise: ((x: number) => number) | undefined;
  selected: number;
  textOf(row: number): string;
  onSelect(row: number): void;
}

const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [300, 56, 10, 18, 36];
/** More points than this are squares, which are faster to draw. */
const MANY = 5000;
/** How near, in pixels, the pointer has to be. */
const NEAR = 12;

/** A point a row, on a canvas; the axes and the point that is meant are drawn above it. */
export function ScatterChart(props: Props) {
  const { rows, x, y, logarithmic, line, noise, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(box);
  const [pointed, setPointed] = useState(-1);
  const points = useMemo(() => {
    return rows.filter(
      (row) => Number.isFinite(y[row]) && (logarithmic ? x[row]! > 0 : Number.isFinite(x[row])),
    );
  }, [rows, x, y, logarithmic]);
  const scales = useMemo(() => {
    const [xs, ys] = [domain(points, x), domain(points, y)];
    const across = [LEFT, width - RIGHT] as const;
    return {
      x: logarithmic ? byFactors(xs, across) : linear(rounded(xs), across),
      y: linear(rounded(ys), [HEIGHT - BOTTOM, TOP]),
    };
  }, [points, x, y, width, logarithmic]);
  const places = useMemo(() => {
    const found = new Float32Array(2 * points.length);
    points.forEach((row, index) => {
      found[2 * index] = scales.x(x[row]!);
      found[2 * index + 1] = scales.y(y[row]!);
    });
    return found;
  }, [points, scales]);
  useDrawing(canvas, places, width);
  const nearest = (event: PointerEvent | MouseEvent): number => {
    const { left, top } = box.current!.getBoundingClientRect();
    const index = nearestPlace(places, event.clientX - left, event.clientY - top);
    return index < 0 ? -1 : points[index]!;
  };
  const at = (row: number): [number, number] | undefined =>
    row >= 0 && points.includes(row) ? [scales.x(x[row]!), scales.y(y[row]!)] : undefined;
  const [shown, chosen] = [at(pointed), at(selected)];
  return (
    <div
      ref={box}
      class="chart scatter"
      role="img"
      aria-label={props.label}
      style={{ height: `${HEIGHT}px`, cursor: pointed >= 0 ? "pointer" : "" }}
      onPointerMove={(event) => setPointed(nearest(event))}
      onPointerLeave={() => setPointed(-1)}
      onPointerUp={(event) => {
        const row = nearest(event);
        if (row >= 0) props.onSelect(row);
      }}
    >
      <canvas ref={canvas} />
      <svg width={width} height={HEIGHT} aria-hidden="true">
        <AxisLeft scale={scales.y} at={LEFT} width={width - LEFT - RIGHT} />
        <AxisBottom scale={scales.x} at={HEIGHT - BOTTOM} />
        <text class="axis-label" x={LEFT} y={10}>
          {props.yLabel}
        </text>
        <text class="axis-label" x={width - RIGHT} y={HEIGHT - 4} text-anchor="end">
          {props.xLabel}
        </text>
        {noise && <path class="funnel" d={funnel(scales, logarithmic, line, noise)} />}
        {Number.isFinite(line) && (
          <g class="level-line">
            <line x1={LEFT} x2={width - RIGHT} y1={scales.y(line)} y2={scales.y(line)} />
          </g>
        )}
        {chosen && <circle class="dot chosen" cx={chosen[0]} cy={chosen[1]} r={6} />}
        {shown && <circle class="dot" cx={shown[0]} cy={shown[1]} r={5} />}
      </svg>
      {shown && (
        <Tip x={shown[0]} y={Math.min(shown[1] + 8, HEIGHT - 60)} width={width}>
          {props.textOf(pointed)}
        </Tip>
      )}
    </div>
  );
}

function domain(rows: Int32Array, values: Float64Array): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    low = Math.min(low, values[row]!);
    high = Math.max(high, values[row]!);
  }
  if (low > high) return [0, 1];
  if (low < high) return [low, high];
  const margin = Math.abs(low) * 0.1 || 1;
  return [Math.max(low - margin, -Number.MAX_VALUE), Math.min(low + margin, Number.MAX_VALUE)];
}

/** The place, of x and y in turn, that is nearest to a point; -1 where none is near. */
function nearestPlace(places: Float32Array, x: number, y: number): number {
  let [best, least] = [-1, NEAR * NEAR];
  for (let index = 0; 2 * index < places.length; index++) {
    const [dx, dy] = [places[2 * index]! - x, places[2 * index + 1]! - y];
    const distance = dx * dx + dy * dy;
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}

/** What lies within the noise about the line, as far as it is in the chart. */
function funnel(
  scales: { x: Scale; y: Scale },
  isLog: boolean,
  line: number,
  noise: (x: number) => number,
): string {
  const [from, to] = scales.x.domain;
  const [low, high] = scales.y.domain;
  const steps = Array.from({ length: 61 }, (_, index) => {
    const share = index / 60;
    return isLog ? from ** (1 - share) * to ** share : from * (1 - share) + to * share;
  });
  const edge = (sign: number): string[] =>
    steps.map((x) => {
      const value = Math.min(high, Math.max(low, line + sign * noise(x)));
      return `${scales.x(x).toFixed(1)},${scales.y(value).toFixed(1)}`;
    });
  return `M${edge(1).join("L")}L${edge(-1).reverse().join("L")}Z`;
}

/** Draws the points, and again when the theme changes: a canvas does not follow variables. */
function useDrawing(
  canvas: { current: HTMLCanvasElement | null },
  places: Float32Array,
  width: number,
): void {
  const [theme, setTheme] = useState("");
  useEffect(() => {
    const app = canvas.current!.closest(".app");
    if (!app) return;
    const observer = new MutationObserver(() => setTheme(app.getAttribute("data-theme") ?? ""));
    observer.observe(app, { attributes: true, attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, [canvas]);
  useLayoutEffect(() => draw(canvas.current!, places, width), [canvas, places, width, theme]);
}

function draw(canvas: HTMLCanvasElement, places: Float32Array, width: number): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${HEIGHT}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  context.fillStyle = getComputedStyle(canvas).getPropertyValue("--bar");
  const count = places.length / 2;
  context.globalAlpha = count > MANY ? 0.35 : 0.65;
  const size = count > MANY ? 2 : 3.2;
  for (let index = 0; index < count; index++) {
    const [x, y] = [places[2 * index]!, places[2 * index + 1]!];
    if (count > MANY) context.fillRect(x - 1, y - 1, size, size);
    else {
      context.beginPath();
      context.arc(x, y, size, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
