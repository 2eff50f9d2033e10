import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useWidth } from "../ui/size";
import { GridHeader } from "./header";
import { type Move, moveOf } from "./keys";
import { columnsInSight, offsetsOf, rowsInSight, type Span, scrollTo } from "./window";

export interface GridColumn {
  id: string;
  label: string;
  /** What is said of it at length. */
  title?: string;
  width: number;
}

export type SortState = "ascending" | "descending" | "none";

/** What a cell shows. */
export interface GridCell {
  content: ComponentChildren;
  title?: string;
  class?: string;
  style?: Record<string, string>;
}

export interface GridProps {
  /** Its accessible name. */
  label: string;
  /** The first one stays in sight and names the rows. */
  columns: readonly GridColumn[];
  rowCount: number;
  rowHeight?: number;
  headHeight?: number;
  /** The most rows that are in sight. */
  rowsShown?: number;
  /** The row that is marked; -1 for none. */
  selected?: number;
  /** Identifies a row when the order changes. */
  rowKey(row: number): string | number;
  cell(row: number, column: number): GridCell;
  /** How a column is sorted by, and the place of it among several. */
  sortOf?(id: string): { state: SortState; place: number };
  onSort?(id: string, more: boolean): void;
  /** A column is put before the one at a place (1 for the first that moves). */
  onMove?(id: string, to: number): void;
  onResize?(id: string, width: number): void;
  /** A click on a cell, or Enter. */
  onChoose?(row: number, column: number): void;
  onEscape?(): void;
}

const HEADER = -1;

/**
 * A table of any size: only what is in sight is drawn, rows and columns. One stop of the tab key;
 * arrows, Home, End, Page move within, the header's row included. There, Enter sorts (with Shift: as
 * a further key), Alt and arrows move a column, Shift and arrows make it wider or narrower.
 */
export function Grid(props: GridProps) {
  const { columns, rowCount, rowHeight = 27, headHeight = 30, rowsShown = 15 } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [active, setActive] = useState({ row: HEADER, column: 0 });
  const [focused, setFocused] = useState(false);
  const offsets = offsetsOf(columns.map((column) => column.width));
  const first = columns[0]!.width;
  const room = Math.max(1, Math.min(rowCount, rowsShown)) * rowHeight;
  const sight = useSight(box, { room, rowHeight, rowCount, width: width - first, first, offsets });
  const cellId = (row: number, column: number): string => `${id}-${row}-${column}`;
  const at = {
    row: Math.min(active.row, rowCount - 1),
    column: Math.min(active.column, columns.length - 1),
  };

  const goTo = (row: number, column: number): void => {
    setActive({ row, column });
    const element = box.current!;
    if (row !== HEADER) {
      element.scrollTop = scrollTo(element.scrollTop, room, row * rowHeight, (row + 1) * rowHeight);
    }
    if (column > 0) {
      element.scrollLeft = scrollTo(
        element.scrollLeft,
        element.clientWidth - first,
        offsets[column]! - first,
        offsets[column + 1]! - first,
      );
    }
  };

  const sort = (column: number, more: boolean): void => {
    box.current!.scrollTop = 0;
    props.onSort?.(columns[column]!.id, more);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && props.onEscape) props.onEscape();
    else if (at.row === HEADER && changeColumn(event, props, at.column)) {
      if (event.altKey) followMoved(event.key, at.column, columns.length, goTo);
    } else if (event.key === "Enter" || event.key === " ") {
      if (at.row !== HEADER) props.onChoose?.(at.row, at.column);
      else sort(at.column, event.shiftKey);
    } else {
      const move = moveOf(event);
      if (!move) return;
      const to = moved(at, move, rowCount, columns.length, Math.floor(room / rowHeight));
      goTo(to.row, to.column);
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const onClick = (event: MouseEvent): void => {
    const cell = (event.target as Element).closest<HTMLElement>("[data-cell]");
    if (!cell) return;
    const [row, column] = cell.dataset.cell!.split(":").map(Number) as [number, number];
    setActive({ row, column });
    props.onChoose?.(row, column);
  };

  // the chosen row is in sight when it was chosen elsewhere; sorting leaves it where it goes
  const { selected = -1 } = props;
  const chosen = selected < 0 ? "" : props.rowKey(selected);
  useEffect(() => {
    if (selected >= 0) goTo(selected, at.column);
  }, [chosen]);

  const isActiveShown = at.row === HEADER || (at.row >= sight.rows.from && at.row < sight.rows.to);
  return (
    <div
      ref={box}
      class="grid"
      role="grid"
      aria-label={props.label}
      aria-rowcount={rowCount + 1}
      aria-colcount={columns.length}
      aria-activedescendant={focused && isActiveShown ? cellId(at.row, at.column) : undefined}
      tabIndex={0}
      style={{ height: `${room + headHeight + 2 + sight.bar}px`, "--row": `${rowHeight}px` }}
      onScroll={sight.follow}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
    >
      <div class="grid-sheet" style={{ width: `${offsets.at(-1)}px` }} role="presentation">
        <GridHeader
          columns={columns}
          offsets={offsets}
          shown={sight.columns}
          height={headHeight}
          active={focused && at.row === HEADER ? at.column : -1}
          cellId={(column) => cellId(HEADER, column)}
          sortOf={props.sortOf}
          onSort={(column, more) => {
            setActive({ row: HEADER, column });
            sort(column, more);
          }}
          onMove={props.onMove}
          onResize={props.onResize}
        />
        <div role="rowgroup" style={{ height: `${rowCount * rowHeight}px` }} class="grid-body">
          {drawn(sight.rows).map((row) => (
            <div
              key={props.rowKey(row)}
              role="row"
              class="grid-row"
              aria-rowindex={row + 2}
              aria-selected={row === selected}
              style={{ transform: `translateY(${row * rowHeight}px)` }}
            >
              {[0, ...drawn(sight.columns)].map((column) => {
                const cell = props.cell(row, column);
                const isActive = focused && row === at.row && column === at.column;
                const attributes = {
                  id: isActive ? cellId(row, column) : undefined,
                  role: column === 0 ? ("rowheader" as const) : ("gridcell" as const),
                  "aria-colindex": column + 1,
                  "data-cell": `${row}:${column}`,
                };
                return (
                  <div
                    key={columns[column]!.id}
                    {...attributes}
                    class={`grid-cell ${column === 0 ? "first" : ""} ${isActive ? "active" : ""} ${cell.class ?? ""}`}
                    style={{ ...placed(column, sight.columns, columns, offsets), ...cell.style }}
                    title={cell.title}
                  >
                    {cell.content}
                  </div>
                );
              })}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

/** The width of a column, and, before the first one in sight, the room of those that are not drawn. */
export function placed(
  column: number,
  shown: Span,
  columns: readonly GridColumn[],
  offsets: readonly number[],
): Record<string, string> {
  const width = `${columns[column]!.width}px`;
  if (column !== shown.from) return { width };
  return { width, marginLeft: `${offsets[column]! - offsets[1]!}px` };
}

export function drawn({ from, to }: Span): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

interface Sight {
  room: number;
  rowHeight: number;
  rowCount: number;
  /** Of the columns that scroll. */
  width: number;
  first: number;
  offsets: readonly number[];
}

/** What is in sight, as it scrolls. */
function useSight(box: { current: HTMLDivElement | null }, sight: Sight) {
  const { room, rowHeight, rowCount, width, first, offsets } = sight;
  const [place, setPlace] = useState({ top: 0, left: 0 });
  const [bar, setBar] = useState(0);
  const follow = (): void => {
    const { scrollTop, scrollLeft } = box.current!;
    // a new row or column comes into sight at these steps at the latest
    const top = Math.floor(scrollTop / rowHeight) * rowHeight;
    const left = Math.floor(scrollLeft / 8) * 8;
    setPlace((now) => (now.top === top && now.left === left ? now : { top, left }));
  };
  useLayoutEffect(() => {
    const element = box.current!;
    setBar(element.offsetHeight - element.clientHeight - 2);
    follow();
  }, [rowCount, width, offsets.at(-1)]);
  const columns = columnsInSight(place.left + first, width + 8, offsets);
  return {
    follow,
    bar,
    rows: rowsInSight(place.top, room + rowHeight, rowHeight, rowCount),
    columns: { from: Math.max(1, columns.from), to: Math.max(1, columns.to) },
  };
}

function moved(
  at: { row: number; column: number },
  move: Move,
  rows: number,
  columns: number,
  page: number,
): { row: number; column: number } {
  const row =
    move.rows === "first"
      ? Math.min(0, rows - 1)
      : move.rows === "last"
        ? rows - 1
        : at.row + (move.pages ?? 0) * page + (move.rows ?? 0);
  const column =
    move.columns === "first"
      ? 0
      : move.columns === "last"
        ? columns - 1
        : at.column + (move.columns ?? 0);
  return {
    row: Math.max(HEADER, Math.min(rows - 1, row)),
    column: Math.max(0, Math.min(columns - 1, column)),
  };
}

/** What keys do to the header's columns; whether they did. */
function changeColumn(event: KeyboardEvent, props: GridProps, column: number): boolean {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const { id, width } = props.columns[column]!;
  if (!step) return false;
  if (event.shiftKey && props.onResize) {
    props.onResize(id, Math.max(40, width + 12 * step));
    return true;
  }
  if (event.altKey && props.onMove && column > 0) {
    const to = step < 0 ? column - 1 : column + 2;
    if (to >= 1 && to <= props.columns.length) props.onMove(id, to);
    return true;
  }
  return false;
}

function followMoved(
  key: string,
  column: number,
  count: number,
  goTo: (row: number, column: number) => void,
): void {
  const to = column + (key === "ArrowLeft" ? -1 : 1);
  if (to >= 1 && to < count) goTo(HEADER, to);
}
