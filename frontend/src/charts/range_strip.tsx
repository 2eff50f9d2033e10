import { useRef } from "preact/hooks";
import { formatValue } from "../logic/format";
import { countPlace } from "../logic/histogram";
import { useWidth } from "../ui/size";

interface Props {
  /** What it is a range of. */
  label: string;
  lo: number;
  hi: number;
  /** How many slices have values in each of its bins, which cover `lo` to `hi`. */
  counts: Float64Array;
  /** The chosen part; null for all. */
  range: readonly [number, number] | null;
  onChange(range: readonly [number, number] | null): void;
}

const HEIGHT = 40;
const SIDE = 52;
/** By how much an arrow key moves an edge, as a share of all; Page moves ten times that. */
const STEP = 0.01;

type Edge = 0 | 1;

/** All values there are, of which a part is chosen: by a drag, or by moving its edges. */
export function RangeStrip({ label, lo, hi, counts, range, onChange }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [from, to] = range ?? [lo, hi];
  const room = Math.max(1, width - 2 * SIDE);
  const x = (value: number): number => {
    const share = hi > lo ? (value / 2 - lo / 2) / (hi / 2 - lo / 2) : 0.5;
    return SIDE + room * Math.min(1, Math.max(0, share));
  };
  const valueAt = (place: number): number => {
    const share = Math.min(1, Math.max(0, (place - SIDE) / room));
    return share === 1 ? hi : lo * (1 - share) + hi * share;
  };
  const choose = (one: number, other: number): void => {
    const [low, high] = one <= other ? [one, other] : [other, one];
    onChange(low <= lo && high >= hi ? null : [low, high]);
  };
  const drag = (event: PointerEvent, fixed: number | undefined): void => {
    if (event.button !== 0) return;
    const left = box.current!.getBoundingClientRect().left;
    const start = fixed ?? valueAt(event.clientX - left);
    const follow = (next: PointerEvent): void => {
      // a press that hardly moves is no range
      if (fixed !== undefined || Math.abs(next.clientX - event.clientX) > 2)
        choose(start, valueAt(next.clientX - left));
    };
    followPointer(follow);
  };
  const onKeyDown = (event: KeyboardEvent, edge: Edge): void => {
    if (event.key === "Escape") onChange(null);
    else {
      const place = moved(event.key, edge === 0 ? from : to, lo, hi);
      if (place === undefined) return;
      if (edge === 0) choose(Math.min(place, to), to);
      else choose(from, Math.max(place, from));
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const handle = (edge: Edge, name: string, value: number) => (
    <div
      class="strip-edge"
      role="slider"
      tabIndex={0}
      aria-label={name}
      aria-valuemin={lo}
      aria-valuemax={hi}
      aria-valuenow={value}
      aria-valuetext={`${label} ${formatValue(value)}`}
      style={{ left: `${x(value)}px` }}
      onPointerDown={(event) => {
        event.stopPropagation();
        drag(event, edge === 0 ? to : from);
      }}
      onKeyDown={(event) => onKeyDown(event, edge)}
    />
  );
  return (
    <div
      ref={box}
      class="strip"
      role="group"
      aria-label={`Range of ${label}`}
      title="Drag to choose a range; double-click to show all"
      style={{ height: `${HEIGHT}px` }}
      onPointerDown={(event) => drag(event, undefined)}
      onDblClick={() => onChange(null)}
    >
      <svg width={width} height={HEIGHT} aria-hidden="true">
        <path
          class="strip-bars"
          d={bars(counts, room)}
          transform={`translate(${SIDE},${HEIGHT - 2})`}
        />
        {range && (
          <>
            <rect class="strip-out" x={SIDE} width={Math.max(0, x(from) - SIDE)} height={HEIGHT} />
            <rect
              class="strip-out"
              x={x(to)}
              width={Math.max(0, SIDE + room - x(to))}
              height={HEIGHT}
            />
          </>
        )}
        <rect
          class="strip-in"
          x={x(from)}
          y={0.5}
          width={Math.max(1, x(to) - x(from))}
          height={HEIGHT - 1}
        />
      </svg>
      {handle(0, "Range from", from)}
      {handle(1, "Range to", to)}
    </div>
  );
}

function moved(key: string, now: number, lo: number, hi: number): number | undefined {
  const step = (hi - lo) * STEP;
  const to = {
    ArrowLeft: now - step,
    ArrowDown: now - step,
    ArrowRight: now + step,
    ArrowUp: now + step,
    PageDown: now - 10 * step,
    PageUp: now + 10 * step,
    Home: lo,
    End: hi,
  }[key];
  return to === undefined ? undefined : Math.min(hi, Math.max(lo, to));
}

/** The bins in one path; low ones are seen beside high ones. */
function bars(counts: Float64Array, room: number): string {
  const most = counts.reduce((one, other) => Math.max(one, other), 0);
  const step = room / counts.length;
  let path = "";
  counts.forEach((count, index) => {
    if (count === 0) return;
    const height = (2 + (HEIGHT - 8) * countPlace(count, most, true)).toFixed(1);
    path += `M${(index * step).toFixed(1)},0v-${height}h${Math.max(1, step).toFixed(1)}v${height}z`;
  });
  return path;
}

/** Follows the pointer until it is released, at most once a frame. */
function followPointer(follow: (event: PointerEvent) => void): void {
  let last: PointerEvent | undefined;
  const run = (): void => {
    if (last) follow(last);
    last = undefined;
  };
  const onMove = (event: PointerEvent): void => {
    if (!last) requestAnimationFrame(run);
    last = event;
  };
  const stop = (): void => {
    run();
    document.removeEventListener("pointermove", onMove);
    document.removeEventListener("pointerup", stop);
    document.removeEventListener("pointercancel", stop);
  };
  document.addEventListener("pointermove", onMove);
  document.addEventListener("pointerup", stop);
  document.addEventListener("pointercancel", stop);
}
