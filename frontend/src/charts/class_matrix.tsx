import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type ClassMatrix, NONE } from "../logic/class_matrix";
import { formatPercent, formatShort, formatValue } from "../logic/format";
import { useWidth } from "../ui/size";

interface Props {
  label: string;
  matrix: ClassMatrix;
  /** Whether cells tell their share of the row, not their number. */
  percent: boolean;
  /** Whether it fits into the width, without numbers where there is no room for them. */
  compact: boolean;
  /** What cells count, such as `examples`. */
  noun: string;
}

/** More cells than this are one picture, not elements. */
const MAX_ELEMENTS = 440;
/** How strongly the fullest cell is coloured, with a number on it and without. */
const [STRENGTH, FULL_STRENGTH] = [0.5, 0.95];
const [CELL, CELL_HEIGHT, HEAD, MARGIN] = [48, 24, 22, 76];
const ROOM_FOR_NUMBERS = 34;
/** Beside the last column, for its name. */
const END = 12;

/** A matrix of actual (rows) and predicted classes (columns), each cell coloured by its share of the row. */
export function ClassMatrixChart(props: Props) {
  const { matrix, compact } = props;
  return matrix.cells.length <= MAX_ELEMENTS && !compact ? (
    <ClassTable {...props} />
  ) : (
    <ClassPicture {...props} />
  );
}

function shareOf({ cells, rowTotals, width }: ClassMatrix, cell: number): number {
  const total = rowTotals[Math.floor(cell / width)]!;
  return total > 0 ? cells[cell]! / total : 0;
}

function cellText({ matrix, percent }: Props, cell: number): string {
  if (!percent) return formatShort(matrix.cells[cell]!);
  return `${Math.round(shareOf(matrix, cell) * 1000) / 10}`;
}

function columnsOf({ classes, hasNone }: ClassMatrix): number[] {
  return hasNone ? [...classes, NONE] : classes;
}

function className(id: number): string {
  return id === NONE ? "none" : String(id);
}

/** A cell in words. */
function describe({ matrix, noun }: Props, cell: number): string {
  const [row, column] = [Math.floor(cell / matrix.width), cell % matrix.width];
  const predicted = columnsOf(matrix)[column]!;
  const share = formatPercent(shareOf(matrix, cell));
  return (
    `Actual ${matrix.classes[row]}, ${predicted === NONE ? "no prediction" : `predicted ${predicted}`}: ` +
    `${formatValue(matrix.cells[cell])} ${noun}, ${share} of the row's ${formatValue(matrix.rowTotals[row])}`
  );
}

function ClassTable(props: Props) {
  const { label, matrix } = props;
  const columns = columnsOf(matrix);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too
    <div class="class-scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="class-table" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Actual ↓ Predicted →</th>
            {columns.map((id) => (
              <th key={id} scope="col">
                {className(id)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.classes.map((id, row) => (
            <tr key={id}>
              <th scope="row">{id}</th>
              {columns.map((column, place) => {
                const cell = row * matrix.width + place;
                const strength = Math.round(shareOf(matrix, cell) * STRENGTH * 100);
                return (
                  <td
                    key={column}
                    class={column === id ? "correct" : ""}
                    title={describe(props, cell)}
                    style={{
                      background: `color-mix(in srgb, var(--blue) ${strength}%, var(--paper))`,
                    }}
                  >
                    {cellText(props, cell)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Layout {
  cell: number;
  height: number;
  left: number;
  hasNumbers: boolean;
}

/** Many cells as one picture, with a cursor that pointer and arrow keys move. */
function ClassPicture(props: Props) {
  const { label, matrix, compact } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(box, 600);
  const [at, setAt] = useState(0);
  const [isMarked, setMarked] = useState(false);
  const size = matrix.classes.length;
  const fit = Math.floor((width - MARGIN - END) / matrix.width);
  const cell = compact ? Math.max(3, Math.min(CELL, fit)) : CELL;
  const layout: Layout = {
    cell,
    height: Math.min(CELL_HEIGHT, cell),
    left: MARGIN,
    hasNumbers: cell >= ROOM_FOR_NUMBERS,
  };
  useDrawing(canvas, props, layout);
  const current = Math.min(at, matrix.cells.length - 1);
  const [row, column] = [Math.floor(current / matrix.width), current % matrix.width];
  const move = (event: KeyboardEvent): void => {
    const to = target(event.key, row, column, size, matrix.width);
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    setAt(to);
  };
  const point = (event: PointerEvent): void => {
    const frame = (event.currentTarget as Element).getBoundingClientRect();
    const x = Math.floor((event.clientX - frame.left - layout.left) / layout.cell);
    const y = Math.floor((event.clientY - frame.top - HEAD) / layout.height);
    const isInside = x >= 0 && y >= 0 && x < matrix.width && y < size;
    setMarked(isInside);
    if (isInside) setAt(y * matrix.width + x);
  };
  const place = {
    left: `${layout.left + column * layout.cell}px`,
    top: `${HEAD + row * layout.height}px`,
    width: `${layout.cell}px`,
    height: `${layout.height}px`,
  };
  return (
    <div ref={box}>
      <div class="class-scroll">
        <div
          class="class-picture"
          role="grid"
          aria-label={label}
          aria-rowcount={size}
          aria-colcount={matrix.width}
          aria-activedescendant={`${id}-cell`}
          tabIndex={0}
          onKeyDown={move}
          onFocus={() => setMarked(true)}
          onBlur={() => setMarked(false)}
          onPointerMove={point}
          onPointerLeave={() => setMarked(false)}
        >
          <canvas ref={canvas} aria-hidden="true" />
          <div role="row" aria-rowindex={row + 1}>
            <div
              id={`${id}-cell`}
              role="gridcell"
              aria-colindex={column + 1}
              aria-label={describe(props, current)}
              class={isMarked ? "class-cursor" : ""}
              style={place}
            />
          </div>
        </div>
      </div>
      <p class="class-told">
        {isMarked ? describe(props, current) : "Point at a cell, or use the arrow keys."}
      </p>
    </div>
  );
}

function target(
  key: string,
  row: number,
  column: number,
  rows: number,
  width: number,
): number | undefined {
  const step = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    PageUp: [-10, 0],
    PageDown: [10, 0],
    Home: [0, -width],
    End: [0, width],
  }[key];
  if (!step) return undefined;
  const clamp = (value: number, end: number): number => Math.min(end - 1, Math.max(0, value));
  return clamp(row + step[0]!, rows) * width + clamp(column + step[1]!, width);
}

function useDrawing(
  canvas: { current: HTMLCanvasElement | null },
  props: Props,
  layout: Layout,
): void {
  const [theme, setTheme] = useState("");
  // a canvas does not follow the theme by itself
  useEffect(() => {
    const app = canvas.current?.closest(".app");
    if (!app) return;
    const observer = new MutationObserver(() => setTheme(app.getAttribute("data-theme") ?? ""));
    observer.observe(app, { attributes: true, attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, [canvas]);
  const { matrix, percent } = props;
  const { cell, height } = layout;
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, props, layout);
  }, [canvas, matrix, percent, cell, height, theme]);
}

function draw(canvas: HTMLCanvasElement, props: Props, layout: Layout): void {
  const { matrix } = props;
  const { cell, height, left, hasNumbers } = layout;
  const [width, tall] = [left + matrix.width * cell + END, HEAD + matrix.classes.length * height];
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = tall * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${tall}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  context.scale(ratio, ratio);
  context.font = `11px ${style.fontFamily}`;
  context.textBaseline = "middle";
  const text = (words: string, x: number, y: number, align: CanvasTextAlign): void => {
    context.textAlign = align;
    context.fillText(words, x, y);
  };
  context.fillStyle = colour("--dim");
  const every = (room: number, least: number): number => Math.max(1, Math.ceil(least / room));
  const [acrossEvery, downEvery] = [every(cell, 26), every(height, 11)];
  columnsOf(matrix).forEach((id, column) => {
    const isShown = column % acrossEvery === 0 || id === NONE;
    if (isShown) text(className(id), left + (column + 0.5) * cell, HEAD / 2, "center");
  });
  matrix.classes.forEach((id, row) => {
    if (row % downEvery === 0) text(String(id), left - 6, HEAD + (row + 0.5) * height, "right");
  });
  const gap = cell > 8 ? 1 : 0;
  for (let index = 0; index < matrix.cells.length; index++) {
    const [row, column] = [Math.floor(index / matrix.width), index % matrix.width];
    const [x, y] = [left + column * cell, HEAD + row * height];
    context.globalAlpha = 1;
    context.fillStyle = colour("--raised");
    context.fillRect(x, y, cell - gap, height - gap);
    context.globalAlpha = shareOf(matrix, index) * (hasNumbers ? STRENGTH : FULL_STRENGTH);
    context.fillStyle = colour("--blue");
    context.fillRect(x, y, cell - gap, height - gap);
    context.globalAlpha = 1;
    if (!hasNumbers) continue;
    context.fillStyle = colour("--ink");
    text(cellText(props, index), x + cell / 2, y + height / 2, "center");
  }
}
