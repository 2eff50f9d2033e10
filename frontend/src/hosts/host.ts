import type { Report } from "../report/contract";

/** A part of a report that the page asks its host for. */
export type Request =
  | { kind: "run"; run: string }
  | { kind: "plots"; run: string; slice: string }
  | { kind: "attributions"; run: string; slice: string }
  | { kind: "series"; slices: string[] };

/** Where the app lives: a file, a served page, a notebook. */
export interface Host {
  readonly kind: "file" | "served" | "widget";
  /** Gives a part; absent where all there is is in the report. */
  request?(what: Request): Promise<Report>;
  /** Reads anew what there is; absent where that cannot change. */
  refresh?(): Promise<Report>;
  /** Tells whoever listens, such as Python, what happened. */
  emit(event: string, data: Record<string, unknown>): void;
  /**
   * Keeps the state where a link can carry it.
   *
   * @param isStep whether going back should undo it
   */
  keepState(text: string, isStep: boolean): void;
  /** What is copied as a link to the state. */
  link(text: string): string;
}
