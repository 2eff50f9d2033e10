/** Where a key leads in a table. */
export interface Move {
  rows?: number | "first" | "last";
  pages?: number;
  columns?: number | "first" | "last";
}

const MOVES: Record<string, Move> = {
  ArrowUp: { rows: -1 },
  ArrowDown: { rows: 1 },
  ArrowLeft: { columns: -1 },
  ArrowRight: { columns: 1 },
  PageUp: { pages: -1 },
  PageDown: { pages: 1 },
  Home: { rows: "first" },
  End: { rows: "last" },
};

/** Home and End lead to the first and last row; with Shift, to the first and last column. */
export function moveOf(event: KeyboardEvent): Move | undefined {
  if (event.shiftKey && event.key === "Home") return { columns: "first" };
  if (event.shiftKey && event.key === "End") return { columns: "last" };
  return MOVES[event.key];
}
