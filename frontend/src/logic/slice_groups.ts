import type { Model } from "../report/model";
import { naturalRanks } from "./natural";
import { rowsWhere, withFeatures, withText, withWeight } from "./rows";

export interface SliceFilter {
  /** Features as `withFeatures` takes them. */
  features: string;
  /** What names have in them, in any case. */
  text: string;
  /** Only these names; empty: all. */
  names: readonly string[];
  /** The least weight, and the weights by row. */
  least: number;
  weights: Float64Array | undefined;
}

/** The rows of a report's slices that pass a filter, by feature and then by name: 2 before 10. */
export function filterSlices(model: Model, filter: SliceFilter): Int32Array {
  const { slices } = model;
  const chosen = filter.names.length > 0 ? new Set(filter.names) : undefined;
  let rows = rowsWhere(slices.size, (row) => chosen?.has(slices.names[row]!) ?? true);
  rows = withWeight(withFeatures(rows, slices, filter.features), filter.weights, filter.least);
  if (filter.text) {
    const lowered = slices.names.map((name) => name.toLowerCase());
    rows = withText(rows, lowered, filter.text);
  }
  const features = naturalRanks(slices.features);
  const ranks = naturalRanks(slices.names);
  const rank = (row: number): number => features[slices.featureCodes[row]!]!;
  return rows.sort((a, b) => rank(a) - rank(b) || ranks[a]! - ranks[b]!);
}

/** Rows by what is found of them, NaN last; rows of one value stay in order. */
export function sortRows(
  rows: Int32Array,
  key: (row: number) => number,
  descending: boolean,
): Int32Array {
  const keys = new Map(Array.from(rows, (row) => [row, key(row)]));
  const sign = descending ? -1 : 1;
  return rows.slice().sort((a, b) => {
    const [one, other] = [keys.get(a)!, keys.get(b)!];
    if (Number.isNaN(one) || Number.isNaN(other)) {
      return Number(Number.isNaN(one)) - Number(Number.isNaN(other));
    }
    return sign * (one - other);
  });
}
