import { useRef, useState } from "preact/hooks";
import { drawn, type GridColumn, type GridProps, placed } from "./grid";
import { gapAt, type Span } from "./window";

interface Props extends Pick<GridProps, "sortOf" | "onMove" | "onResize"> {
  columns: readonly GridColumn[];
  offsets: readonly number[];
  shown: Span;
  height: number;
  /** The column that keys go to; -1 for none. */
  active: number;
  cellId(column: number): string;
  onSort(column: number, more: boolean): void;
}

const ARROWS = { ascending: "▲", descending: "▼", none: "" };
/** From here on, in pixels, a press is a drag. */
const FAR = 5;

/** The row of columns' names: a click sorts, a drag moves, a drag of the edge resizes. */
export function GridHeader(props: Props) {
  const { columns, offsets, shown, active } = props;
  const row = useRef<HTMLDivElement>(null);
  const [gap, setGap] = useState(-1);
  const dragged = useRef(false);
  const press = (event: PointerEvent, column: number): void => {
    if (event.button !== 0) return;
    const drag = startDrag(event);
    dragged.current = false;
    const isEdge = (event.target as HTMLElement).classList.contains("grid-edge");
    const { id, width } = columns[column]!;
    const gapOf = (x: number): number =>
      Math.max(1, gapAt(x - row.current!.getBoundingClientRect().left, offsets));
    drag((far, x, done) => {
      if (isEdge) props.onResize?.(id, Math.max(40, width + x - event.clientX));
      else if (far && props.onMove && column > 0) {
        setGap(done ? -1 : gapOf(x));
        if (done) props.onMove(id, gapOf(x));
      }
      dragged.current = far || isEdge;
    });
  };
  return (
    <div role="rowgroup" class="grid-head">
      <div
        ref={row}
        role="row"
        class="grid-row"
        aria-rowindex={1}
        style={{ height: `${props.height}px` }}
      >
        {[0, ...drawn(shown)].map((column) => {
          const { id, label, title } = columns[column]!;
          const sort = props.sortOf?.(id) ?? { state: "none", place: 0 };
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys
            <div
              key={id}
              id={props.cellId(column)}
              role="columnheader"
              aria-colindex={column + 1}
              aria-sort={props.sortOf ? sort.state : undefined}
              class={`grid-cell ${column === 0 ? "first" : ""} ${column === active ? "active" : ""} ${gap === column ? "gap" : ""} ${gap === column + 1 ? "gap-after" : ""}`}
              style={placed(column, shown, columns, offsets)}
              title={title ?? label}
              onPointerDown={(event) => press(event, column)}
              onClick={(event) => {
                if (!dragged.current) props.onSort(column, event.shiftKey);
                dragged.current = false;
              }}
            >
              <span class="grid-label">{label}</span>
              {sort.state !== "none" && (
                <span class="grid-arrow" aria-hidden="true">
                  {ARROWS[sort.state]}
                  {sort.place > 0 ? sort.place : ""}
                </span>
              )}
              {props.onResize && <span class="grid-edge" aria-hidden="true" />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

type Follow = (far: boolean, x: number, done: boolean) => void;

/** Follows the pointer from a press to its release. */
function startDrag(event: PointerEvent): (follow: Follow) => void {
  const element = event.currentTarget as HTMLElement;
  const root = element.ownerDocument;
  return (follow) => {
    let far = false;
    const onMove = (next: PointerEvent): void => {
      far ||= Math.abs(next.clientX - event.clientX) > FAR;
      follow(far, next.clientX, false);
    };
    const stop = (next: PointerEvent): void => {
      root.removeEventListener("pointermove", onMove);
      root.removeEventListener("pointerup", stop);
      root.removeEventListener("pointercancel", stop);
      follow(far, next.clientX, true);
    };
    root.addEventListener("pointermove", onMove);
    root.addEventListener("pointerup", stop);
    root.addEventListener("pointercancel", stop);
  };
}
