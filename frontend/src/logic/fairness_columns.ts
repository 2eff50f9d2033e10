import type { Metric, Run } from "../report/contract";
import type { Model, Values } from "../report/model";
import { against, formatAgainst, type How, isSignificant } from "./against";
import { halfInterval } from "./difference";
import { formatFull, formatValue, shorten } from "./format";
import { intervalName } from "./run_words";

/** One bar of each slice: a metric, at a threshold where it has some, in a run. */
export interface Bar {
  metric: Metric;
  run: Run;
  /** Whether it is of the run that is compared with. */
  isBase: boolean;
  values: Values | undefined;
  label: string;
}

export interface Cell {
  text: string;
  /** More of it, for whoever points at it. */
  title: string;
  /** Of a difference, whichever way it is told: value less baseline. */
  change?: number;
  /** Why there is no number. */
  why?: string;
  /** Whether intervals tell that it is more than chance; absent where there are none. */
  significant?: boolean;
}

/** A column of a table: its titles and its cells come from one place, so that they belong together. */
export interface Column {
  id: string;
  /** What it shares with the columns beside it. */
  group: string;
  head: string;
  title: string;
  metric: Metric | undefined;
  cell(row: number): Cell;
  /** What rows are sorted by. */
  key(row: number): number;
}

/** The bars of each slice: a threshold after the other, in each the run and then its baseline run. */
export function barsOf(model: Model, metrics: readonly Metric[], runs: readonly Run[]): Bar[] {
  return metrics.flatMap((metric) =>
    runs.map((run, place) => {
      const at = metric.threshold === undefined ? "" : `at ${formatValue(metric.threshold)}`;
      return {
        metric,
        run,
        isBase: place > 0,
        values: model.column(run.id, metric.id),
        label: [runs.length > 1 ? shorten(run.name) : "", at].filter(Boolean).join(" "),
      };
    }),
  );
}

/** The columns of the table of some bars. */
export function columnsOf(
  model: Model,
  bars: readonly Bar[],
  baseline: number,
  how: How,
): Column[] {
  const name = model.slices.names[baseline] ?? "";
  const found = bars.flatMap((bar, index) => {
    const own = [valueColumn(bar, index), sliceColumn(bar, index, baseline, name, how)];
    const before = bars[index - 1];
    return bar.isBase && before ? [...own, runColumn(before, bar, index, how)] : own;
  });
  const runs = [...new Set(bars.map((bar) => bar.run))];
  return [...found, ...runs.map((run, index) => countColumn(model, run, index, runs.length > 1))];
}

function at(values: Values | undefined, row: number): number {
  return values?.v[row] ?? Number.NaN;
}

/** Half widths tell how far a value is known: two digits do. */
function formatWidth(width: number): string {
  return formatValue(Number(width.toPrecision(2)));
}

function valueColumn(bar: Bar, index: number): Column {
  const { values, metric } = bar;
  return {
    id: `value${index}`,
    group: bar.label,
    head: "Value",
    title: `${metric.label}, ${bar.run.name}`,
    metric,
    key: (row) => at(values, row),
    cell: (row) => {
      const half = halfInterval(values, row);
      const value = at(values, row);
      const why = values?.why.get(row);
      if (Number.isNaN(half)) {
        return {
          text: formatValue(value),
          title: why ?? formatFull(value),
          ...(why ? { why } : {}),
        };
      }
      return {
        text: `${formatValue(value)} ± ${formatWidth(half)}`,
        title: `${formatFull(value)}; ${intervalWords(values!, row)}`,
      };
    },
  };
}

/** A slice against the baseline slice, in one run. */
function sliceColumn(
  { values, metric, label, run }: Bar,
  index: number,
  baseline: number,
  name: string,
  how: How,
): Column {
  const difference = (row: number) => against(at(values, row), at(values, baseline), how);
  return {
    id: `slice${index}`,
    group: label,
    head: `Against ${shorten(name)}`,
    title: `${metric.label}, ${run.name}: each slice against ${name}`,
    metric,
    key: (row) => difference(row).amount,
    cell: (row) => {
      if (row === baseline) return { text: "baseline", title: `${name} is the baseline slice` };
      const widths: [number, number] = [halfInterval(values, row), halfInterval(values, baseline)];
      return differenceCell(at(values, row), at(values, baseline), how, widths);
    },
  };
}

/** A run against the run that it is compared with, in one slice. */
function runColumn(bar: Bar, base: Bar, index: number, how: How): Column {
  return {
    id: `run${index}`,
    group: `${shorten(bar.run.name)} against ${shorten(base.run.name)}`,
    head: bar.metric.threshold === undefined ? "Change" : `at ${formatValue(bar.metric.threshold)}`,
    title: `${bar.metric.label}: ${bar.run.name} against ${base.run.name}`,
    metric: bar.metric,
    key: (row) => against(at(bar.values, row), at(base.values, row), how).amount,
    cell: (row) => {
      const widths: [number, number] = [
        halfInterval(bar.values, row),
        halfInterval(base.values, row),
      ];
      return differenceCell(at(bar.values, row), at(base.values, row), how, widths);
    },
  };
}

function countColumn(model: Model, run: Run, index: number, several: boolean): Column {
  const weight = model.source.weight;
  const counts = weight === undefined ? undefined : model.column(run.id, weight);
  const key = (row: number): number => at(counts, row);
  return {
    id: `count${index}`,
    group: several ? shorten(run.name) : "",
    head: "Examples",
    title: `Examples, ${run.name}`,
    metric: undefined,
    key,
    cell: (row) => ({ text: formatValue(key(row)), title: formatFull(key(row)) }),
  };
}

function differenceCell(
  value: number,
  baseline: number,
  how: How,
  [one, other]: readonly [number, number],
): Cell {
  const { amount, change, why } = against(value, baseline, how);
  if (why) return { text: "–", title: why, why };
  const significant = isSignificant(change, one, other);
  const told =
    significant === undefined
      ? ""
      : ` It is ${significant ? "" : "not "}more than the intervals explain (± ${formatWidth(Math.hypot(one, other))}).`;
  return {
    text: formatAgainst(amount, how),
    title: `${formatValue(value)} against ${formatValue(baseline)}: ${formatAgainst(change, "abs")}.${told}`,
    change,
    ...(significant === undefined ? {} : { significant }),
  };
}

function intervalWords(values: Values, row: number): string {
  const bounds = `${formatValue(values.lo?.[row])} to ${formatValue(values.hi?.[row])}`;
  return `${intervalName(values.level)} ${bounds}`;
}

/** What is said of one bar, line by line. */
export function describeBar(model: Model, bar: Bar, row: number): string[] {
  const { metric, run, values } = bar;
  const weight = model.source.weight;
  const count = weight === undefined ? Number.NaN : model.value(run.id, weight, row);
  const hasInterval = !Number.isNaN(halfInterval(values, row));
  return [
    shorten(model.slices.names[row] ?? "", 200),
    shorten(run.name, 200),
    `${metric.label}: ${formatValue(at(values, row))}`,
    ...(hasInterval ? [intervalWords(values!, row)] : []),
    ...(Number.isNaN(count) ? [] : [`Examples: ${formatValue(count)}`]),
  ];
}

/** The least and the largest of all values and interval bounds of some bars; undefined without any. */
export function extentOf(
  bars: readonly Bar[],
  rows: Iterable<number>,
): [number, number] | undefined {
  let [lo, hi] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    for (const { values } of bars) {
      for (const column of [values?.v, values?.lo, values?.hi]) {
        const value = column?.[row] ?? Number.NaN;
        if (!Number.isFinite(value)) continue;
        lo = Math.min(lo, value);
        hi = Math.max(hi, value);
      }
    }
  }
  return lo > hi ? undefined : [lo, hi];
}

/** Whether bars from zero would hide what differs: all lies in a small part of the way from there. */
export function needsDots([lo, hi]: readonly [number, number]): boolean {
  const far = Math.max(Math.abs(lo), Math.abs(hi));
  return (lo > 0 || hi < 0) && hi - lo < far / 3;
}
