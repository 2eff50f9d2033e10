import type { Metric, Run, Verdict } from "../report/contract";
import { formatValue } from "./format";
import type { Series } from "./series";

/** What is told of a point of a time series, in pairs of name and value. */
export function pointFacts(
  run: Run,
  metric: Metric,
  series: Series,
  index: number,
  weightLabel: string,
): [string, string][] {
  const [lo, hi, n] = [series.lo[index]!, series.hi[index]!, series.n[index]!];
  const facts: [string, string][] = [
    ["Model run", run.model ? `${run.model} (${run.name})` : run.name],
    ["Data span", run.data || "not known"],
    ["Metric", metric.label],
    ["Slice", series.name],
    ["Value", formatValue(series.v[index])],
  ];
  if (!Number.isNaN(lo - hi)) {
    facts.push([intervalName(series.level), `${formatValue(lo)} to ${formatValue(hi)}`]);
  }
  if (!Number.isNaN(n)) facts.push([weightLabel, formatValue(n)]);
  return facts;
}

/** `95 % interval`. */
export function intervalName(level: number | undefined): string {
  return level === undefined ? "Interval" : `${formatValue(level * 100)} % interval`;
}

export function factsAsText(facts: readonly (readonly [string, string])[]): string {
  return facts.map(([name, value]) => `${name}: ${value}`).join(", ");
}

const VERDICTS: Record<Verdict["verdict"], { sign: string; words: string }> = {
  BLESSED: { sign: "✓", words: "Blessed" },
  NOT_BLESSED: { sign: "✗", words: "Not blessed" },
  NOT_VALIDATED: { sign: "○", words: "Not validated" },
};

export function verdictWords(verdict: Verdict | undefined): { sign: string; words: string } {
  return verdict ? VERDICTS[verdict.verdict] : { sign: "", words: "–" };
}

/** What a run is called in a list: its name, and what it evaluated on what. */
export function runLabel({ name, model, data, baseline }: Run): string {
  const told = [
    name,
    baseline && "baseline model",
    model && `model ${model}`,
    data && `data ${data}`,
  ];
  return [...new Set(told)].filter(Boolean).join(" · ");
}
