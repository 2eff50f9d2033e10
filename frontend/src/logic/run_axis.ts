import type { Run } from "../report/contract";
import { evaluatorOf } from "./evaluators";

export type Along = "model" | "data";

/** Runs in the order in which they stand along an axis. */
export interface RunAxis {
  runs: readonly Run[];
  /** Where each stands: its number if all have one, else its place in time. Ascending. */
  positions: Float64Array;
  labels: readonly string[];
  isNumeric: boolean;
}

const NUMBERED = /^(\D*?)(-?\d+(?:\.\d+)?)$/;

/** What a run is called along an axis. */
export function labelAlong(run: Run, along: Along): string {
  return (along === "model" ? run.model : run.data) || run.name;
}

/** Puts runs, given in order of time, along their models or their data. */
export function runAxis(runs: readonly Run[], along: Along): RunAxis {
  const labels = runs.map((run) => labelAlong(run, along));
  const numbers = numbersOf(labels);
  if (!numbers) {
    const positions = Float64Array.from(runs, (_, index) => index);
    return { runs, positions, labels, isNumeric: false };
  }
  const order = runs.map((_, index) => index).sort((a, b) => numbers[a]! - numbers[b]! || a - b);
  return {
    runs: order.map((index) => runs[index]!),
    positions: Float64Array.from(order, (index) => numbers[index]!),
    labels: order.map((index) => labels[index]!),
    isNumeric: true,
  };
}

/** The numbers that texts are, such as `7` or, after one word in all of them, `span 7`. */
function numbersOf(texts: readonly string[]): number[] | undefined {
  const parts = texts.map((text) => NUMBERED.exec(text.trim()));
  const word = parts[0]?.[1];
  const found = parts.map((part) => (part && part[1] === word ? Number(part[2]) : Number.NaN));
  return found.every(Number.isFinite) ? found : undefined;
}

/**
 * The runs of a history: without the baseline models that were evaluated beside others, and, where
 * one is given, only those of its evaluator.
 */
export function historyOf(runs: readonly Run[], of?: Run): readonly Run[] {
  const models = runs.filter((run) => !run.baseline);
  const found = models.length > 0 ? models : runs;
  return of ? found.filter((run) => evaluatorOf(run) === evaluatorOf(of)) : found;
}
