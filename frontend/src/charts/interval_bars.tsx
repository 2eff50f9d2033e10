import { useMemo, useRef, useState } from "preact/hooks";
import { formatShort, shorten } from "../logic/format";
import { useWidth } from "../ui/size";
import { linear, rounded, type Scale } from "./scale";
import { seriesColour, seriesShape } from "./series_marks";

/** The numbers of one bar of each row. */
export interface BarColumn {
  label: string;
  /** Place in the palette. */
  place: number;
  isHollow: boolean;
  value(row: number): number;
  lo(row: number): number;
  hi(row: number): number;
}

/** What stands in a chart, from top to bottom: a title, or a row with its bars. */
export type Item = { title: string } | { row: number; name: string };

interface Props {
  summary: string;
  items: readonly Item[];
  bars: readonly BarColumn[];
  /** The row that the others are compared with; -1 for none. */
  baseline: number;
  /** The row that is selected; -1 for none. */
  selected: number;
  /** The least and the largest number that must have room. */
  extent: readonly [number, number];
  /** Dots on an axis that need not begin at zero, in place of bars. */
  dots: boolean;
  tip(bar: number, row: number): string[];
  onSelect(row: number): void;
}

const [THICK, GAP, TITLE, AXIS, RIGHT] = [10, 8, 22, 22, 14];
const CHARACTER = 6.6;

/** Horizontal bars or dots with the whiskers of their intervals, several of them a row. */
export function IntervalBars(props: Props) {
  const { summary, items, bars, extent, dots } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 500);
  const [hit, setHit] = useState<{ bar: number; item: number } | null>(null);
  const [lo, hi] = extent;
  const tops = useMemo(() => placesOf(items, bars.length), [items, bars.length]);
  const left = leftOf(items, width);
  const scale = useMemo(() => {
    const domain: [number, number] = dots ? [lo, hi] : [Math.min(0, lo), Math.max(0, hi)];
    return linear(rounded(domain[0] < domain[1] ? domain : [lo - 1, hi + 1]), [
      left,
      width - RIGHT,
    ]);
  }, [lo, hi, dots, left, width]);
  const height = tops.at(-1)!;
  const find = (event: MouseEvent): { bar: number; item: number } | null => {
    const y = event.clientY - (event.currentTarget as Element).getBoundingClientRect().top;
    const item = tops.findIndex((top, index) => y >= top && y < (tops[index + 1] ?? 0));
    if (item < 0 || !("row" in items[item]!)) return null;
    const bar = Math.floor((y - tops[item]! - GAP / 2) / THICK);
    return { item, bar: Math.min(bars.length - 1, Math.max(0, bar)) };
  };
  const row = (item: number): number => {
    const found = items[item];
    return found && "row" in found ? found.row : -1;
  };
  return (
    <div ref={box} class="chart interval-bars">
      <Axis scale={scale} width={width} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too */}
      <div class="interval-scroll" role="group" aria-label="Bars" tabIndex={0}>
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the table has a button for each slice */}
        <svg
          role="img"
          aria-label={summary}
          width={width}
          height={height}
          onPointerMove={(event) => setHit(find(event))}
          onPointerLeave={() => setHit(null)}
          onClick={(event) => {
            const found = find(event);
            if (found) props.onSelect(row(found.item));
          }}
        >
          <Backdrop
            {...props}
            {...{ scale, tops, width, height }}
            marked={hit ? row(hit.item) : -1}
          />
          <Labels items={items} tops={tops} bars={bars.length} left={left} />
          <Marks {...props} scale={scale} tops={tops} />
        </svg>
        {hit && row(hit.item) >= 0 && (
          <div
            class="tip"
            role="tooltip"
            style={{ top: `${tops[hit.item + 1]! + 2}px`, left: `${left}px` }}
          >
            {props.tip(hit.bar, row(hit.item)).map((line, index) => (
              <div key={line} class={index === 0 ? "first" : ""}>
                {line}
              </div>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

/** Where each item begins; at the end, where the last one ends. */
function placesOf(items: readonly Item[], bars: number): number[] {
  const tops = [0];
  for (const item of items) tops.push(tops.at(-1)! + ("row" in item ? bars * THICK + GAP : TITLE));
  return tops;
}

function leftOf(items: readonly Item[], width: number): number {
  const longest = Math.max(0, ...items.map((item) => ("row" in item ? item.name.length : 0)));
  return Math.min(longest * CHARACTER + 12, width * 0.36);
}

function Axis({ scale, width }: { scale: Scale; width: number }) {
  return (
    <svg class="axis" width={width} height={AXIS} aria-hidden="true">
      {scale.ticks(width > 600 ? 8 : 5).map((tick) => (
        <text key={tick} x={scale(tick)} y={14} text-anchor="middle">
          {formatShort(tick)}
        </text>
      ))}
    </svg>
  );
}

interface Inner extends Props {
  scale: Scale;
  tops: readonly number[];
}

type BackdropProps = Inner & { width: number; height: number; marked: number };

/** Grid lines, the marked rows, and the values of the baseline as lines all through. */
function Backdrop(props: BackdropProps) {
  const { items, bars, baseline, selected, scale, tops, width, height, marked } = props;
  const grid = scale.ticks(width > 600 ? 8 : 5).map((tick) => `M${scale(tick)},0V${height}`);
  return (
    <>
      {items.map((item, index) =>
        "row" in item && (item.row === marked || item.row === selected) ? (
          <rect
            key={item.row}
            class="marked-row"
            y={tops[index]!}
            width={width}
            height={tops[index + 1]! - tops[index]!}
          />
        ) : null,
      )}
      <path class="grid" d={grid.join("")} />
      {bars.map((bar) => {
        const x = scale(bar.value(baseline));
        return Number.isFinite(x) ? (
          <path
            key={bar.label}
            class="baseline"
            d={`M${x},0V${height}`}
            stroke={seriesColour(bar.place)}
          />
        ) : null;
      })}
    </>
  );
}

interface LabelsProps {
  items: readonly Item[];
  tops: readonly number[];
  bars: number;
  left: number;
}

function Labels({ items, tops, bars, left }: LabelsProps) {
  const most = Math.max(4, Math.round((left - 12) / CHARACTER));
  return (
    <>
      {items.map((item, index) =>
        "row" in item ? (
          <text
            key={`row ${item.row}`}
            x={left - 8}
            y={tops[index]! + (bars * THICK + GAP) / 2}
            dy="0.34em"
            text-anchor="end"
            class="row-name"
          >
            {shorten(item.name, most)}
          </text>
        ) : (
          <text key={`title ${item.title}`} x={2} y={tops[index]! + 15} class="group-name">
            {shorten(item.title, 60)}
          </text>
        ),
      )}
    </>
  );
}

/** Bars and whiskers are few paths; the baseline's are darker. */
function Marks({ items, bars, baseline, dots, scale, tops }: Inner) {
  return (
    <>
      {bars.map((bar, place) => {
        const drawn = { plain: "", dark: "", whiskers: "" };
        const points: { x: number; y: number; row: number }[] = [];
        items.forEach((item, index) => {
          if (!("row" in item)) return;
          const { row } = item;
          const y = tops[index]! + GAP / 2 + (place + 0.5) * THICK;
          const x = scale(bar.value(row));
          drawn.whiskers += whiskerAt(scale(bar.lo(row)), scale(bar.hi(row)), y);
          if (!Number.isFinite(x)) return;
          points.push({ x, y, row });
          drawn[row === baseline ? "dark" : "plain"] += barAt(scale(0), x, y);
        });
        const colour = seriesColour(bar.place);
        const fill = bar.isHollow ? `color-mix(in srgb, ${colour} 30%, var(--paper))` : colour;
        const dark = `color-mix(in srgb, ${fill} 50%, var(--ink))`;
        const whiskers = <path class="whiskers" d={drawn.whiskers} stroke={colour} />;
        return dots ? (
          <g key={bar.label} stroke={colour}>
            {whiskers}
            {points.map(({ x, y, row }) => (
              <path
                key={row}
                d={seriesShape(bar.place)}
                transform={`translate(${x},${y})`}
                fill={row === baseline ? dark : fill}
              />
            ))}
          </g>
        ) : (
          <g key={bar.label} stroke={colour}>
            <path d={drawn.plain} fill={fill} fill-opacity={0.72} />
            <path d={drawn.dark} fill={dark} />
            <path class="whiskers over" d={drawn.whiskers} />
          </g>
        );
      })}
    </>
  );
}

function barAt(zero: number, x: number, y: number): string {
  const half = (THICK - 2) / 2;
  return `M${zero},${y - half}H${x}V${y + half}H${zero}Z`;
}

/** An interval as a line with ends; nothing where there is none. */
function whiskerAt(lo: number, hi: number, y: number): string {
  if (!Number.isFinite(lo + hi)) return "";
  return `M${lo},${y}H${hi}M${lo},${y - 3}v6M${hi},${y - 3}v6`;
}
