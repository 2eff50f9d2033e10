import { computed, type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SortKey } from "../state/state";

/** A column: its head and its cells come from one place, so that they cannot get apart. */
export interface DataColumn {
  id: string;
  head: string;
  title?: string;
  /** Neighbours of one group stand under one head. */
  group?: string;
  width: number;
  isNumber?: boolean;
  cell(index: number): ComponentChildren;
}

interface Props {
  label: string;
  columns: readonly DataColumn[];
  /** How many rows; cells are asked for by the place of the row. */
  count: number;
  rowKey(index: number): string;
  sort: SortKey | null;
  /** The row that is marked, brought into sight when it stays so; -1 for none. */
  marked?: ReadonlySignal<number> | number;
  maxHeight?: number;
  onSort(by: string): void;
  onRow?: (index: number) => void;
  onMark?: (index: number) => void;
}

const ROW = 27;
const SPARE = 4;
/** How long a row is marked before it is brought into sight, in milliseconds. */
const SETTLE = 120;

/** A table that draws only the rows in sight. */
export function DataTable(props: Props) {
  const { label, columns, count, maxHeight = 420 } = props;
  const marked = useAsSignal(props.marked ?? -1);
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const inSight = Math.ceil(maxHeight / ROW);
  const first = Math.max(0, Math.min(Math.floor(top / ROW), count - inSight) - SPARE);
  const last = Math.min(count, first + inSight + 2 * SPARE);
  useReveal(box, marked);
  const width = columns.reduce((sum, column) => sum + column.width, 0);
  return (
    <div
      ref={box}
      class="data-table"
      role="region"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too
      tabIndex={0}
      style={{ maxHeight: `${maxHeight}px` }}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onPointerLeave={() => props.onMark?.(-1)}
    >
      <table aria-label={label} aria-rowcount={count + 1} style={{ minWidth: `${width}px` }}>
        <colgroup>
          {columns.map(({ id, width }) => (
            <col key={id} style={{ width: `${width}px` }} />
          ))}
        </colgroup>
        <thead>
          <Groups columns={columns} />
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} sort={props.sort} onSort={props.onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer rows={first} />
          {Array.from({ length: Math.max(0, last - first) }, (_, offset) => (
            <Row
              key={props.rowKey(first + offset)}
              {...props}
              marked={marked}
              index={first + offset}
            />
          ))}
          <Spacer rows={count - last} />
        </tbody>
      </table>
    </div>
  );
}

function Row(props: Props & { index: number; marked: ReadonlySignal<number> }) {
  const { index, columns, marked, onRow, onMark } = props;
  const isMarked = useMemo(() => computed(() => marked.value === index), [marked, index]).value;
  return (
    <tr
      aria-rowindex={index + 2}
      class={`${isMarked ? "marked" : ""} ${onRow ? "link" : ""}`}
      onClick={() => onRow?.(index)}
      onPointerEnter={() => onMark?.(index)}
    >
      {columns.map((column) => (
        <td key={column.id} class={column.isNumber ? "number" : ""}>
          {column.cell(index)}
        </td>
      ))}
    </tr>
  );
}

function Groups({ columns }: { columns: readonly DataColumn[] }) {
  if (!columns.some(({ group }) => group)) return null;
  const groups: { name: string; span: number }[] = [];
  for (const { group = "" } of columns) {
    const known = groups.at(-1);
    if (known?.name === group) known.span++;
    else groups.push({ name: group, span: 1 });
  }
  return (
    <tr class="groups">
      {groups.map(({ name, span }, index) =>
        name ? (
          <th key={index} colSpan={span} scope="colgroup" title={name}>
            {name}
          </th>
        ) : (
          <td key={index} colSpan={span} />
        ),
      )}
    </tr>
  );
}

interface HeadProps {
  column: DataColumn;
  sort: SortKey | null;
  onSort(by: string): void;
}

function Head({ column, sort, onSort }: HeadProps) {
  const order = sort?.by !== column.id ? "none" : sort.descending ? "descending" : "ascending";
  const sign = { none: "", descending: " ↓", ascending: " ↑" }[order];
  return (
    <th scope="col" aria-sort={order} class={column.isNumber ? "number" : ""}>
      <button type="button" title={column.title ?? column.head} onClick={() => onSort(column.id)}>
        {column.head}
        <span aria-hidden="true">{sign}</span>
      </button>
    </th>
  );
}

function Spacer({ rows }: { rows: number }) {
  return rows > 0 ? <tr aria-hidden="true" style={{ height: `${rows * ROW}px` }} /> : null;
}

/** A signal as it is; a number as a signal. */
function useAsSignal(given: ReadonlySignal<number> | number): ReadonlySignal<number> {
  const own = useSignal(-1);
  useLayoutEffect(() => {
    if (typeof given === "number") own.value = given;
  }, [own, given]);
  return typeof given === "number" ? own : given;
}

function useReveal(box: { current: HTMLElement | null }, marked: ReadonlySignal<number>): void {
  useSignalEffect(() => {
    const row = marked.value;
    const timer = setTimeout(() => {
      const element = box.current;
      // under the pointer it is in sight, and must not move
      if (!element || row < 0 || element.matches(":hover")) return;
      const head = element.querySelector("thead")?.clientHeight ?? 0;
      const [from, to] = [row * ROW, (row + 1) * ROW + head];
      if (from < element.scrollTop) element.scrollTop = from;
      else if (to > element.scrollTop + element.clientHeight)
        element.scrollTop = to - element.clientHeight;
    }, SETTLE);
    return () => clearTimeout(timer);
  });
}

/** Descending, then ascending, then as it was. */
export function nextSort(sort: SortKey | null, by: string): SortKey | null {
  if (sort?.by !== by) return { by, descending: true };
  return sort.descending ? { by, descending: false } : null;
}
