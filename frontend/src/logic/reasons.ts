import type { Reason, Verdict } from "../report/contract";
import { formatPercent, formatValue, plural } from "./format";
import { verdictWords } from "./run_words";

const RULES: Record<string, string> = {
  value_lower: "the value is below its lower bound",
  value_upper: "the value is above its upper bound",
  change_absolute: "the change against the baseline model is beyond its limit",
  change_relative: "the relative change against the baseline model is beyond its limit",
  max_absolute_drop: "the value fell too far",
  max_relative_drop: "the value fell too far, relative to what it was",
};

/** What a rule is for people: its own message before anything. */
export function ruleText({ message, rule, failed }: Reason): string {
  if (message) return message;
  if (!rule) return "";
  const words = RULES[rule];
  return words && failed ? words : rule.replaceAll("_", " ");
}

/** What a value was held to. */
export function limitText({ rule, limit, lower, upper }: Reason): string {
  const bounds = [
    typeof lower === "number" ? `≥ ${formatValue(lower)}` : "",
    typeof upper === "number" ? `≤ ${formatValue(upper)}` : "",
  ].filter(Boolean);
  if (bounds.length > 0) return bounds.join(", ");
  if (typeof limit !== "number") return "–";
  return rule === "change_relative" ? formatPercent(limit) : formatValue(limit);
}

/** Those that failed, and the others, both as they were told. */
export function sortReasons(reasons: readonly Reason[]): { failed: Reason[]; passed: Reason[] } {
  return {
    failed: reasons.filter((reason) => reason.failed),
    passed: reasons.filter((reason) => !reason.failed),
  };
}

/** A verdict in a line, and its tone: good, bad or none. */
export function verdictTitle(verdict: Verdict | undefined): {
  sign: string;
  words: string;
  told: string;
  tone: "good" | "bad" | "";
} {
  const reasons = verdict?.reasons ?? [];
  const failed = reasons.filter((reason) => reason.failed).length;
  const missing = verdict?.missing_slices?.length ?? 0;
  if (!verdict) {
    return { sign: "○", words: "Not validated:", told: "no checks were configured.", tone: "" };
  }
  const { sign, words } = verdictWords(verdict);
  const told = [
    failed > 0 ? `${plural(failed, "check")} failed` : "",
    missing > 0 ? `${plural(missing, "slice")} missing` : "",
  ].filter(Boolean);
  if (told.length === 0 && verdict.verdict === "BLESSED") told.push("no check failed");
  if (told.length === 0 && reasons.length === 0 && !verdict.note) {
    told.push("no reasons were given");
  }
  const tones = { BLESSED: "good", NOT_BLESSED: "bad", NOT_VALIDATED: "" } as const;
  return {
    sign,
    words,
    told: told.length > 0 ? `· ${told.join(", ")}` : "",
    tone: tones[verdict.verdict],
  };
}
