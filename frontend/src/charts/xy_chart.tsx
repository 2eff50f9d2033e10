import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { useWidth } from "../ui/size";
import { AxisBottom, AxisLeft } from "./axis";
import { linear, logarithmic, type Scale } from "./scale";

export interface AxisSpec {
  domain: readonly [number, number];
  label: string;
  log?: boolean;
  format?: (value: number) => string;
}

/** Points that answer to the pointer. */
export interface Hits {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** What is said of a point, line by line. */
  text(index: number): string[];
}

export interface Hit {
  /** The place in the list of `Hits`. */
  of: number;
  index: number;
}

export interface Frame {
  x: Scale;
  y: Scale;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

interface Props {
  /** What it shows, in a sentence. */
  summary: string;
  height: number;
  x: AxisSpec;
  y: AxisSpec;
  hits: readonly Hits[];
  /** Whether only the distance along x counts for which point is meant. */
  byX?: boolean;
  onHit?: (hit: Hit | null) => void;
  onPick?: (hit: Hit) => void;
  children(frame: Frame): ComponentChildren;
}

const [LEFT, RIGHT, TOP, BOTTOM] = [46, 12, 20, 38];

/** Axes, and what is drawn between them; says what is meant by the pointer. */
export function XyChart(props: Props) {
  const { summary, height, x, y, hits, byX = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box, 360);
  const [hit, setHit] = useState<Hit | null>(null);
  const frame = useFrame(x, y, width, height);
  const mark = (found: Hit | null): void => {
    setHit(found);
    props.onHit?.(found);
  };
  const find = (event: MouseEvent): Hit | null => {
    const at = (event.currentTarget as Element).getBoundingClientRect();
    return nearest(hits, frame, event.clientX - at.left, event.clientY - at.top, byX);
  };
  return (
    <div ref={box} class="chart">
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: what it chooses, a slider does too */}
      <svg
        role="img"
        aria-label={summary}
        width={width}
        height={height}
        onPointerMove={(event) => mark(find(event))}
        onPointerLeave={() => mark(null)}
        onClick={(event) => {
          const found = find(event);
          if (found) props.onPick?.(found);
        }}
      >
        <AxisLeft
          scale={frame.y}
          at={LEFT}
          width={width - LEFT - RIGHT}
          {...(y.format ? { format: y.format } : {})}
        />
        <AxisBottom
          scale={frame.x}
          at={frame.bottom}
          count={width > 500 ? 10 : 5}
          {...(x.format ? { format: x.format } : {})}
        />
        <text x={4} y={10}>
          {y.label}
        </text>
        <text x={(LEFT + width - RIGHT) / 2} y={height - 5} text-anchor="middle">
          {x.label}
        </text>
        <line class="base-line" x1={LEFT} x2={frame.right} y1={frame.bottom} y2={frame.bottom} />
        {props.children(frame)}
      </svg>
      <Tip hits={hits} hit={hit} frame={frame} width={width} />
    </div>
  );
}

interface TipProps {
  hits: readonly Hits[];
  hit: Hit | null;
  frame: Frame;
  width: number;
}

function Tip({ hits, hit, frame, width }: TipProps) {
  const of = hit ? hits[hit.of] : undefined;
  if (!hit || !of || hit.index >= of.x.length) return null;
  const at = frame.x(of.x[hit.index]!);
  const side = at > width / 2 ? { right: `${width - at + 14}px` } : { left: `${at + 14}px` };
  return (
    <div class="tip" role="tooltip" style={{ ...side, top: `${TOP}px` }}>
      {of.text(hit.index).map((line, index) => (
        <div key={line} class={index === 0 ? "first" : ""}>
          {line}
        </div>
      ))}
    </div>
  );
}

function useFrame(x: AxisSpec, y: AxisSpec, width: number, height: number): Frame {
  const [x0, x1] = x.domain;
  const [y0, y1] = y.domain;
  return useMemo(() => {
    const [right, bottom] = [Math.max(LEFT + 20, width - RIGHT), height - BOTTOM];
    return {
      x: (x.log ? logarithmic : linear)([x0, x1], [LEFT, right]),
      y: (y.log ? logarithmic : linear)([y0, y1], [bottom, TOP]),
      left: LEFT,
      right,
      top: TOP,
      bottom,
    };
  }, [x0, x1, x.log, y0, y1, y.log, width, height]);
}

function nearest(
  hits: readonly Hits[],
  { x, y, left, right }: Frame,
  atX: number,
  atY: number,
  byX: boolean,
): Hit | null {
  if (atX < left - 8 || atX > right + 8) return null;
  let best: Hit | null = null;
  let least = Number.POSITIVE_INFINITY;
  hits.forEach((one, of) => {
    for (let index = 0; index < one.x.length; index++) {
      const [across, down] = [x(one.x[index]!) - atX, y(one.y[index]!) - atY];
      // of equally near places along x the nearest value
      const distance = byX ? across * across * 1e4 + Math.abs(down) : across * across + down * down;
      if (distance < least) [best, least] = [{ of, index }, distance];
    }
  });
  return best;
}
