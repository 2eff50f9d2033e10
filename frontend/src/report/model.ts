import type { Column, Metric, Plot, Report, Run, Verdict } from "./contract";
import { decode } from "./numbers";
import { SliceTable } from "./slices";

/** A metric of a run: a number a row, NaN where there is none. */
export interface Values {
  v: Float64Array;
  /** The bounds of the interval; absent where none was computed. */
  lo?: Float64Array;
  hi?: Float64Array;
  level?: number;
  method?: string;
  /** By row, why there is no number. */
  why: Map<number, string>;
}

/** A value that is not one number, as proto3 JSON of microtome.MetricValue. */
export type Structured = Record<string, unknown>;

const MAJOR = 1;

/** A report that a newer Microtome made, or that is none. */
export class ReportError extends Error {}

/**
 * What a report says, ready to be looked at. Parts that the host gives later are merged in: rows,
 * runs and metrics are added, never moved or taken away.
 */
export class Model {
  readonly title: string;
  readonly runs: Run[] = [];
  readonly metrics = new Map<string, Metric>();
  readonly slices = new SliceTable();
  readonly plots: Plot[] = [];
  readonly verdicts = new Map<string, Verdict>();
  /** By run, the names of the slices that have plots, here or with the host. */
  readonly plotSlices = new Map<string, Set<string>>();
  readonly omitted: { slice: string; why: string }[] = [];
  readonly source: Report;
  private readonly columns = new Map<string, Map<string, Values>>();
  private readonly structured = new Map<string, Map<string, Map<number, Structured>>>();
  private readonly attributed = new Map<string, Map<string, Map<number, Map<string, number>>>>();

  constructor(report: Report) {
    checkSchema(report);
    this.source = report;
    this.title = report.title;
    this.merge(report);
  }

  /** Takes in another report's runs, metrics, slices, values and plots. */
  merge(part: Report): void {
    checkSchema(part);
    for (const run of part.runs) this.addRun(run);
    for (const metric of part.metrics) {
      // what heads a column and names a button must say something
      const label = metric.label.trim() ? metric.label : "(no name)";
      this.metrics.set(metric.id, { ...metric, label });
    }
    const rows = this.slices.add(part.slices);
    for (const [run, metrics] of Object.entries(part.values)) {
      for (const [metric, column] of Object.entries(metrics)) this.fill(run, metric, column, rows);
    }
    this.mergeStructured(part, rows);
    this.mergeAttributions(part, rows);
    this.mergePlots(part);
    for (const [run, verdict] of Object.entries(part.verdicts ?? {})) {
      this.verdicts.set(run, verdict);
    }
    for (const one of part.omitted ?? []) {
      if (!this.omitted.some((known) => known.slice === one.slice && known.why === one.why)) {
        this.omitted.push(one);
      }
    }
  }

  run(id: string): Run | undefined {
    return this.runs.find((run) => run.id === id);
  }

  /** The numbers of a metric in a run, as long as the slice table; undefined where it has none. */
  column(run: string, metric: string): Values | undefined {
    const values = this.columns.get(run)?.get(metric);
    if (values && values.v.length < this.slices.size) lengthen(values, this.slices.size);
    return values;
  }

  /** One number; NaN where there is none. */
  value(run: string, metric: string, row: number): number {
    return this.columns.get(run)?.get(metric)?.v[row] ?? Number.NaN;
  }

  /** The ids of the metrics that a run has numbers of. */
  metricsOf(run: string): string[] {
    return [...(this.columns.get(run)?.keys() ?? [])];
  }

  /** A value that is not one number. */
  complex(run: string, metric: string, row: number): Structured | undefined {
    return this.structured.get(run)?.get(metric)?.get(row);
  }

  /** The ids of the metrics of which a run has values that are not one number. */
  complexOf(run: string): string[] {
    return [...(this.structured.get(run)?.keys() ?? [])];
  }

  /** Feature attributions of a slice: by metric, by feature. */
  attributions(run: string, row: number): Map<string, Map<string, number>> {
    const found = new Map<string, Map<string, number>>();
    for (const [metric, rows] of this.attributed.get(run) ?? []) {
      const features = rows.get(row);
      if (features) found.set(metric, features);
    }
    return found;
  }

  /** The plots of a slice that are here. */
  plotsOf(run: string, slice: string): Plot[] {
    return this.plots.filter((plot) => plot.run === run && plot.slice === slice);
  }

  /** Whether a row has any number in a run. */
  has(run: string, row: number): boolean {
    for (const values of this.columns.get(run)?.values() ?? []) {
      if (row < values.v.length && !Number.isNaN(values.v[row])) return true;
      if (values.why.has(row)) return true;
    }
    for (const rows of this.structured.get(run)?.values() ?? []) if (rows.has(row)) return true;
    return false;
  }

  private addRun(run: Run): void {
    const index = this.runs.findIndex((known) => known.id === run.id);
    if (index < 0) this.runs.push({ ...run });
    else this.runs[index] = { ...this.runs[index], ...run };
  }

  private fill(run: string, metric: string, column: Column, rows: Int32Array): void {
    const size = this.slices.size;
    const metrics = entry(this.columns, run, () => new Map<string, Values>());
    const values = entry<string, Values>(metrics, metric, () => ({
      v: missing(size),
      why: new Map(),
    }));
    lengthen(values, size);
    scatter(values.v, decode(column.v), rows);
    if (column.lo && column.hi) {
      values.lo ??= missing(size);
      values.hi ??= missing(size);
      scatter(values.lo, decode(column.lo), rows);
      scatter(values.hi, decode(column.hi), rows);
    }
    if (column.level !== undefined) values.level = column.level;
    if (column.method !== undefined) values.method = column.method;
    for (const [index, why] of Object.entries(column.why ?? {})) {
      const row = rows[Number(index)];
      if (row !== undefined) values.why.set(row, why);
    }
  }

  private mergeStructured(part: Report, rows: Int32Array): void {
    for (const [run, metrics] of Object.entries(part.complex ?? {})) {
      const ofRun = entry(this.structured, run, () => new Map<string, Map<number, Structured>>());
      for (const [metric, byRow] of Object.entries(metrics)) {
        const ofMetric = entry(ofRun, metric, () => new Map<number, Structured>());
        for (const [index, value] of Object.entries(byRow)) {
          const row = rows[Number(index)];
          if (row !== undefined) ofMetric.set(row, value as Structured);
        }
      }
    }
  }

  private mergeAttributions(part: Report, rows: Int32Array): void {
    for (const [run, metrics] of Object.entries(part.attributions ?? {})) {
      const ofRun = entry(
        this.attributed,
        run,
        () => new Map<string, Map<number, Map<string, number>>>(),
      );
      for (const [metric, byRow] of Object.entries(metrics)) {
        const ofMetric = entry(ofRun, metric, () => new Map<number, Map<string, number>>());
        for (const [index, features] of Object.entries(byRow)) {
          const row = rows[Number(index)];
          if (row === undefined) continue;
          const numbers = Object.entries(features).map(
            ([feature, value]) => [feature, value ?? Number.NaN] as const,
          );
          ofMetric.set(row, new Map(numbers));
        }
      }
    }
  }

  private mergePlots(part: Report): void {
    const same = (a: Plot, b: Plot): boolean =>
      a.run === b.run &&
      a.slice === b.slice &&
      a.type === b.type &&
      a.name === b.name &&
      a.output === b.output &&
      a.sub_key === b.sub_key;
    for (const plot of part.plots ?? []) {
      if (!this.plots.some((known) => same(known, plot))) this.plots.push(plot);
      entry(this.plotSlices, plot.run, () => new Set<string>()).add(plot.slice);
    }
    for (const [run, slices] of Object.entries(part.plot_slices ?? {})) {
      const known = entry(this.plotSlices, run, () => new Set<string>());
      for (const slice of slices) known.add(slice);
    }
  }
}

function checkSchema(report: Report): void {
  const found = /^report\/(\d+)$/.exec(String(report?.schema ?? ""));
  if (!found) throw new ReportError("This is no report of Microtome's: it has no schema report/1.");
  if (Number(found[1]) > MAJOR) {
    throw new ReportError(
      `This report has the form ${report.schema}; this page reads up to report/${MAJOR}. ` +
        "Open it with a newer Microtome.",
    );
  }
}

function missing(size: number): Float64Array {
  return new Float64Array(size).fill(Number.NaN);
}

function lengthen(values: Values, size: number): void {
  values.v = longer(values.v, size);
  if (values.lo) values.lo = longer(values.lo, size);
  if (values.hi) values.hi = longer(values.hi, size);
}

function longer(column: Float64Array, size: number): Float64Array {
  if (column.length >= size) return column;
  const grown = missing(size);
  grown.set(column);
  return grown;
}

function scatter(into: Float64Array, numbers: Float64Array, rows: Int32Array): void {
  const count = Math.min(numbers.length, rows.length);
  for (let index = 0; index < count; index++) into[rows[index]!] = numbers[index]!;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
