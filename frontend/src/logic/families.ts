import type { Metric } from "../report/contract";
import { compareNatural } from "./natural";

/** A metric, or a rate at all its thresholds. */
export interface Family {
  /** Unique; how states name it. */
  key: string;
  label: string;
  doc: string | undefined;
  better: Metric["better"];
  /** By threshold, rising; only one where there are no thresholds. */
  metrics: Metric[];
}

// what is asked about first when groups of people are compared
const FIRST = [
  /^(binary_|sparse_categorical_|categorical_)?accuracy$/,
  /^precision$/,
  /^recall$/,
  /^auc$/,
  /^(fpr|false_positive_rate)$/,
  /^(fnr|false_negative_rate)$/,
  /^(tpr|true_positive_rate)$/,
  /^(tnr|true_negative_rate)$/,
  /^(positive_rate|selection_rate)$/,
];

/** Metrics with rates at thresholds taken together, in the order in which they are offered. */
export function familiesOf(metrics: Iterable<Metric>): Family[] {
  const found = new Map<string, Family>();
  for (const metric of metrics) {
    const { family, threshold, id, label, doc, better } = metric;
    const isRate = family !== undefined && threshold !== undefined;
    // a metric may have the name of a rate
    const key = isRate ? `${family}@` : id;
    const known = found.get(key);
    if (known) known.metrics.push(metric);
    else found.set(key, { key, label: isRate ? family : label, doc, better, metrics: [metric] });
  }
  for (const { metrics } of found.values()) metrics.sort((a, b) => a.threshold! - b.threshold!);
  return [...found.values()].sort(
    (a, b) => rank(a) - rank(b) || compareNatural(a.label, b.label) || (a.key < b.key ? -1 : 1),
  );
}

function rank({ metrics: [metric] }: Family): number {
  if (metric!.kind === "count") return FIRST.length + 1;
  const name = (metric!.key?.name ?? metric!.label).replace(/@.*/, "").replace(/.*\//, "");
  const place = FIRST.findIndex((pattern) => pattern.test(name.toLowerCase()));
  return place < 0 ? FIRST.length : place;
}

/**
 * The metrics of a family that are shown: those at the thresholds nearest to the wanted ones; the
 * one in the middle where none is wanted.
 */
export function atThresholds(family: Family, wanted: readonly number[]): Metric[] {
  const { metrics } = family;
  if (wanted.length === 0) return [metrics[(metrics.length - 1) >> 1]!];
  const found = wanted.map((threshold) =>
    metrics.reduce((best, one) =>
      Math.abs(one.threshold! - threshold) < Math.abs(best.threshold! - threshold) ? one : best,
    ),
  );
  return metrics.filter((metric) => found.includes(metric));
}
