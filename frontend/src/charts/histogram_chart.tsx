import { useRef, useState } from "preact/hooks";
import { formatShort, formatValue, plural, shorten } from "../logic/format";
import { countPlace, countTicks, type Histogram } from "../logic/histogram";
import { useWidth } from "../ui/size";
import { Tip } from "../ui/tip";
import { AxisBottom } from "./axis";
import { onPress, useRoving } from "./roving";
import { linear } from "./scale";

interface Props {
  /** The chart in a sentence. */
  label: string;
  histogram: Histogram;
  count: "slices" | "examples" | "both";
  /** Whether the axes of counts are logarithmic; the counts that are told are true ones. */
  logarithmic: boolean;
  /** A value whose bucket is marked, and one that has a line; NaN for none. */
  marked: number;
  markedLabel: string;
  line: number;
  lineLabel: string;
  /** The first names of a bucket's slices. */
  namesOf(bucket: number): string[];
  /** A bucket was chosen. */
  onChoose(bucket: number): void;
}

const HEIGHT = 210;
const SIDE = 52;
const TOP = 28;
const BOTTOM = 24;

/** How many slices, and how many examples, have values in each bucket. */
export function HistogramChart(props: Props) {
  const { histogram, count, logarithmic } = props;
  const { edges, slices, examples } = histogram;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [pointed, setPointed] = useState(-1);
  const roving = useRoving(slices.length);
  const floor = HEIGHT - BOTTOM;
  const [most, mostExamples] = [Math.max(...slices), Math.max(...examples)];
  const isWide = histogram.hi > histogram.lo;
  const x = linear(
    isWide ? [histogram.lo, histogram.hi] : [histogram.lo - 0.5, histogram.lo + 0.5],
    [SIDE, width - SIDE],
  );
  const bounds = isWide ? Array.from(edges, (edge) => x(edge)) : [width / 2 - 40, width / 2 + 40];
  const y = (value: number, top: number): number =>
    floor - (floor - TOP) * countPlace(value, top, logarithmic);
  const marked = bounds.findIndex((bound, index) => {
    const at = isWide ? x(props.marked) : width / 2;
    return index < slices.length && at >= bound && at <= bounds[index + 1]!;
  });
  const told = (bucket: number): string =>
    `${formatValue(edges[bucket]!)} to ${formatValue(edges[bucket + 1]!)}: ` +
    `${plural(slices[bucket]!, "slice")}, ${plural(examples[bucket]!, "weighted example")}`;
  const shapes = (bucket: number) => {
    const [left, right] = [bounds[bucket]! + 1, bounds[bucket + 1]! - 1];
    const wide = Math.max(1, right - left);
    const both = count === "both";
    return (
      <>
        {count !== "examples" && (
          <rect
            class="bar"
            x={left}
            width={both ? wide / 2 : wide}
            y={y(slices[bucket]!, most)}
            height={floor - y(slices[bucket]!, most)}
          />
        )}
        {count !== "slices" && (
          <rect
            class="bar second"
            x={both ? left + wide / 2 : left}
            width={both ? wide / 2 : wide}
            y={y(examples[bucket]!, mostExamples)}
            height={floor - y(examples[bucket]!, mostExamples)}
          />
        )}
      </>
    );
  };
  return (
    <div ref={box} class="chart">
      <svg
        width={width}
        height={HEIGHT}
        role="group"
        aria-label={props.label}
        onKeyDown={roving.onKeyDown}
      >
        <CountAxis
          most={count === "examples" ? mostExamples : most}
          label={count === "examples" ? "weighted examples" : "slices"}
          {...{ y, logarithmic }}
          from={SIDE}
          to={width - SIDE}
        />
        {count === "both" && (
          <CountAxis
            most={mostExamples}
            label="weighted examples"
            {...{ y, logarithmic }}
            from={width - SIDE}
            to={width - SIDE}
            isRight
          />
        )}
        {Array.from(slices, (_, bucket) => (
          <g
            key={bucket}
            {...roving.mark(bucket)}
            role="button"
            aria-label={`${told(bucket)}${bucket === marked ? `, with ${props.markedLabel}` : ""}`}
            class={bucket === marked ? "bucket marked" : "bucket"}
            onPointerEnter={() => setPointed(bucket)}
            onPointerLeave={() => setPointed(-1)}
            onFocus={() => setPointed(bucket)}
            onBlur={() => setPointed(-1)}
            onClick={() => props.onChoose(bucket)}
            onKeyDown={onPress(() => props.onChoose(bucket))}
          >
            <rect
              class="ground"
              x={bounds[bucket]}
              y={TOP}
              width={bounds[bucket + 1]! - bounds[bucket]!}
              height={floor - TOP}
            />
            {shapes(bucket)}
            {bucket === marked && (
              <text
                x={(bounds[bucket]! + bounds[bucket + 1]!) / 2}
                y={TOP - 3}
                text-anchor="middle"
              >
                {props.markedLabel}
              </text>
            )}
          </g>
        ))}
        {!Number.isNaN(props.line) && props.line >= histogram.lo && props.line <= histogram.hi && (
          <g class="level-line">
            <line x1={x(props.line)} x2={x(props.line)} y1={12} y2={floor} />
            <text x={x(props.line)} y={9} text-anchor="middle">
              {shorten(props.lineLabel, 24)}
            </text>
          </g>
        )}
        <AxisBottom scale={x} at={floor} count={isWide ? 8 : 1} />
      </svg>
      {slices[pointed] !== undefined && (
        <Tip x={(bounds[pointed]! + bounds[pointed + 1]!) / 2} y={TOP} width={width}>
          <strong>{told(pointed)}</strong>
          {props.namesOf(pointed).map((name) => (
            <div key={name}>{name}</div>
          ))}
          {slices[pointed]! > 5 && <div class="dim">…</div>}
        </Tip>
      )}
    </div>
  );
}

interface AxisProps {
  most: number;
  label: string;
  logarithmic: boolean;
  from: number;
  to: number;
  isRight?: boolean;
  y(value: number, most: number): number;
}

function CountAxis({ most, label, logarithmic, from, to, isRight, y }: AxisProps) {
  return (
    <g
      class={isRight ? "axis second" : "axis"}
      transform={`translate(${from},0)`}
      aria-hidden="true"
    >
      {countTicks(most, logarithmic).map((tick) => (
        <g key={tick} transform={`translate(0,${y(tick, most)})`}>
          <line x2={to - from} class="grid-line" />
          <text x={isRight ? 6 : -6} dy="0.32em" text-anchor={isRight ? "start" : "end"}>
            {formatShort(tick)}
          </text>
        </g>
      ))}
      <text
        x={isRight ? SIDE - 2 : 2 - SIDE}
        y={10}
        text-anchor={isRight ? "end" : "start"}
        class="axis-label"
      >
        {label}
        {logarithmic ? " (log)" : ""}
      </text>
    </g>
  );
}
