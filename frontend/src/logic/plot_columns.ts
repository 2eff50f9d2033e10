import type { Plot } from "../report/contract";
import { decode } from "../report/numbers";

const decoded = new WeakMap<Plot, Map<string, Float64Array>>();

/** A column of a plot, decoded once; without numbers where the plot has none of that name. */
export function plotColumn(plot: Plot, name: string): Float64Array {
  let columns = decoded.get(plot);
  if (!columns) {
    columns = new Map();
    decoded.set(plot, columns);
  }
  let column = columns.get(name);
  if (!column) {
    column = decode(plot.columns[name] ?? []);
    columns.set(name, column);
  }
  return column;
}
