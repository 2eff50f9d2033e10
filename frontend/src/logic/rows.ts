import type { Values } from "../report/model";
import type { SliceTable } from "../report/slices";

/** The features that are chosen: all, all of one feature, all of several, or those of this name. */
export const ALL = "*";
export const SINGLE = "*single";
export const CROSSED = "*crossed";

/** 0 to `size`, those that are kept. */
export function rowsWhere(size: number, keep: (row: number) => boolean): Int32Array {
  const rows = new Int32Array(size);
  let count = 0;
  for (let row = 0; row < size; row++) if (keep(row)) rows[count++] = row;
  return rows.slice(0, count);
}

/** By row, whether any of the columns has a number or a reason for none. */
export function presence(size: number, columns: Iterable<Values>): Uint8Array {
  const present = new Uint8Array(size);
  for (const { v, why } of columns) {
    const end = Math.min(size, v.length);
    for (let row = 0; row < end; row++) if (!Number.isNaN(v[row])) present[row] = 1;
    for (const row of why.keys()) present[row] = 1;
  }
  return present;
}

/** Whether slices of these features are chosen. */
export function choosesFeatures(choice: string, features: string): boolean {
  if (choice === ALL) return true;
  if (choice === SINGLE) return features !== "" && !features.includes(" × ");
  if (choice === CROSSED) return features.includes(" × ");
  return features === choice;
}

/** The rows whose slices are cut by the chosen features. */
export function withFeatures(rows: Int32Array, slices: SliceTable, choice: string): Int32Array {
  if (choice === ALL) return rows;
  const wanted = slices.features.map((features) => choosesFeatures(choice, features));
  return rows.filter((row) => wanted[slices.featureCodes[row]!]);
}

/** The rows of at least this weight; one that is missing is 0. */
export function withWeight(
  rows: Int32Array,
  weights: Float64Array | undefined,
  least: number,
): Int32Array {
  if (!weights || least <= 0) return rows;
  return rows.filter((row) => weights[row]! >= least);
}

/** The rows whose names have the text in them, in whatever case. */
export function withText(rows: Int32Array, lowered: readonly string[], text: string): Int32Array {
  const wanted = text.trim().toLowerCase();
  return wanted ? rows.filter((row) => lowered[row]!.includes(wanted)) : rows;
}

/** The rows whose values lie between the bounds, or on them. */
export function withRange(
  rows: Int32Array,
  values: Float64Array | undefined,
  lo: number,
  hi: number,
): Int32Array {
  return values ? rows.filter((row) => values[row]! >= lo && values[row]! <= hi) : rows;
}
