import type { Metric } from "../report/contract";
import type { Model } from "../report/model";
import { byLabel } from "./metric_choice";

/** The metrics that are numbers, by label. */
export function numericMetrics(model: Model): Metric[] {
  return byLabel(model.metrics.values()).filter(({ kind }) => kind === "float" || kind === "count");
}

/** The metrics that say how good a model is: what is counted comes last. */
export function qualityFirst(metrics: readonly Metric[], weight: string | undefined): Metric[] {
  const counts = ({ id, kind }: Metric): boolean => kind === "count" || id === weight;
  return [...metrics.filter((one) => !counts(one)), ...metrics.filter(counts)];
}

/** The metrics that were chosen, in their order; the first `count` that say something if none was. */
export function chosenMetrics(model: Model, chosen: readonly string[], count: number): Metric[] {
  const all = numericMetrics(model);
  const found = chosen.flatMap((id) => all.find((metric) => metric.id === id) ?? []);
  return found.length > 0 ? found : qualityFirst(all, model.source.weight).slice(0, count);
}
