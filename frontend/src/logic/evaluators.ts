import type { Run } from "../report/contract";

/** What tells who evaluated: the pipeline and its node. Only runs of one form a series. */
export function evaluatorOf(run: Run): string {
  return [run.pipeline, run.node].filter(Boolean).join(" · ");
}

/** The last run of each evaluator, in the order in which they were met first. */
export function evaluatorsOf(runs: readonly Run[]): Run[] {
  return [...new Map(runs.map((run) => [evaluatorOf(run), run])).values()];
}
