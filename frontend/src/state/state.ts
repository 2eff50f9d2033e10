/** The screens, in the order of their tabs. */
export const SCREENS = ["summary", "slices", "history", "plots", "compare", "fairness"] as const;
export type Screen = (typeof SCREENS)[number];

export const CHARTS = ["overview", "hist", "matrix", "scatter"] as const;
export type Chart = (typeof CHARTS)[number];

/** What is sorted by, `slice` or a metric's id, and which way. */
export interface SortKey {
  by: string;
  descending: boolean;
}

/** A range of a metric's values; what lies outside is not shown. */
export interface Range {
  metric: string;
  lo: number;
  hi: number;
}

/**
 * All that a link restores. Empty texts and lists mean that nothing was chosen: the screens take
 * their defaults then, which may depend on the data.
 */
export interface State {
  /** Screen. */
  v: Screen | "";
  /** Chart of the slices. */
  c: Chart | "";
  /** Run, and the one that it is compared with. */
  run: string;
  base: string;
  /** Features of the shown slices: `*` for all, else as `featuresOf` gives them. */
  feat: string;
  /** Output and class of the model. */
  out: string[];
  cls: string[];
  /** Metrics in the order of the columns; empty: all, by name. */
  m: string[];
  /** Metric of the chart, and the second one of a scatter chart. */
  x: string;
  y: string;
  /** What the table is sorted by, most important first. */
  s: SortKey[];
  /** What the overview is sorted by; whether its axis begins at 0 or fits the values. */
  cs: SortKey | null;
  ya: "zero" | "fit" | "";
  /** The smallest weighted number of examples. */
  w: number;
  /** What slices' names have in them. */
  q: string;
  /** Buckets of the histogram, its logarithmic axis, what its bars count, whether the baseline slice counts. */
  b: number;
  log: boolean;
  k: "slices" | "examples" | "both";
  ib: boolean;
  f: Range | null;
  /** Baseline slice. */
  bl: string;
  /** Thresholds. */
  thr: number[];
  /** The selected slice. */
  sel: string;
  theme: "dark" | "light" | "";
  /** History: metrics of the cards (null: the default ones), slices, what runs along. */
  h: string[] | null;
  hs: string[];
  ax: "model" | "data" | "";
  /** What the runs of the history, and the slices of a comparison, are sorted by. */
  ho: SortKey | null;
  so: SortKey | null;
  /** Plots: which one is shown large (empty: all), of which slices, and its options. */
  p: string;
  ps: string[];
  po: string[];
  /** Fairness: the chosen metrics and slices. */
  fm: string[];
  fs: string[];
  /** What their tables and charts are sorted by, and how values are drawn (empty: as fits). */
  fo: SortKey | null;
  fk: "bars" | "dots" | "";
  /** How differences are told, and whether only slices with one are shown. */
  d: "abs" | "rel" | "ratio";
  only: boolean;
}

export const DEFAULTS: Readonly<State> = Object.freeze({
  v: "",
  c: "",
  run: "",
  base: "",
  feat: "*",
  out: [],
  cls: [],
  m: [],
  x: "",
  y: "",
  s: [],
  cs: null,
  ya: "",
  w: 0,
  q: "",
  b: 10,
  log: false,
  k: "slices",
  ib: false,
  f: null,
  bl: "",
  thr: [],
  sel: "",
  theme: "",
  h: null,
  hs: [],
  ax: "",
  ho: null,
  so: null,
  p: "",
  ps: [],
  po: [],
  fm: [],
  fs: [],
  fo: null,
  fk: "",
  d: "abs",
  only: false,
});

/** What one goes back from. */
export const STEPS: readonly (keyof State)[] = ["v", "run", "feat"];
