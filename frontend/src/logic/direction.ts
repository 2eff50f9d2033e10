import type { Metric } from "../report/contract";

/** What a change means: better, worse, or neither. */
export type Judgement = "better" | "worse" | "same" | "none";

/** Judges a change of a metric by the way in which it is better. */
export function judge(metric: Metric | undefined, change: number): Judgement {
  if (!metric || metric.better === "none" || Number.isNaN(change)) return "none";
  if (change === 0) return "same";
  return change > 0 === (metric.better === "up") ? "better" : "worse";
}

export const ARROWS: Record<Judgement, string> = { better: "▲", worse: "▼", same: "=", none: "" };
