import type { Slices } from "./contract";

export type Key = readonly (readonly [feature: string, value: string])[];

/** How a slice without features is called. */
export const OVERALL = "Overall";

/** The features that a slice is cut by, as people read them: `country × language`. */
export function featuresOf(key: Key): string {
  return key.map(([feature]) => feature).join(" × ");
}

/** All slices that any run has, in rows; rows are only ever added. */
export class SliceTable {
  readonly names: string[] = [];
  readonly keys: Key[] = [];
  /** Every combination of features, "" for Overall, in the order in which they were met. */
  readonly features: string[] = [];
  /** By row, the place in `features`. */
  readonly featureCodes: number[] = [];
  private readonly rows = new Map<string, number>();
  private readonly codes = new Map<string, number>();

  get size(): number {
    return this.names.length;
  }

  /** The row of a slice; undefined where there is none of that name. */
  row(name: string): number | undefined {
    return this.rows.get(name);
  }

  /** Adds the slices that are new and tells the row of each. */
  add(slices: Slices): Int32Array {
    return Int32Array.from(slices.name, (name, index) => {
      return this.rows.get(name) ?? this.append(name, slices.keys[index] ?? []);
    });
  }

  private append(name: string, key: Key): number {
    const row = this.names.length;
    this.rows.set(name, row);
    this.names.push(name);
    this.keys.push(key);
    this.featureCodes.push(this.code(featuresOf(key)));
    return row;
  }

  private code(features: string): number {
    const known = this.codes.get(features);
    if (known !== undefined) return known;
    this.codes.set(features, this.features.length);
    return this.features.push(features) - 1;
  }
}
