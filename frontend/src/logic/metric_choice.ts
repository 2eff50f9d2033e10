import type { Metric } from "../report/contract";
import { compareNatural } from "./natural";

/** How metrics without a class are called in addresses. */
export const WITHOUT = "-";

/** Metrics by their labels, as people sort. */
export function byLabel(metrics: Iterable<Metric>): Metric[] {
  return [...metrics].sort(
    (one, other) => compareNatural(one.label, other.label) || compareNatural(one.id, other.id),
  );
}

/** The outputs that metrics are of, without those of the whole model. */
export function outputsOf(metrics: Iterable<Metric>): string[] {
  const found = new Set([...metrics].map((metric) => metric.key?.output ?? ""));
  found.delete("");
  return [...found].sort(compareNatural);
}

/** The classes that metrics are of; `WITHOUT` for those of none. */
export function classesOf(metrics: Iterable<Metric>): string[] {
  const found = new Set([...metrics].map((metric) => metric.key?.sub_key || WITHOUT));
  return found.size > 1 ? [...found].sort(compareNatural) : [];
}

/** The metrics of the chosen outputs and classes; those of no output are of each. None chosen: all. */
export function ofOutputs(
  metrics: readonly Metric[],
  outputs: readonly string[],
  classes: readonly string[],
): Metric[] {
  return metrics.filter(({ key }) => {
    const isOfOutput = outputs.length === 0 || !key?.output || outputs.includes(key.output);
    const isOfClass = classes.length === 0 || classes.includes(key?.sub_key || WITHOUT);
    return isOfOutput && isOfClass;
  });
}

/** A list of metrics as it was typed. */
export interface TypedList {
  /** Ids, in order, each once. */
  known: string[];
  /** Names that no metric has. */
  unknown: string[];
  /** All of them, in order, ids where they are known. */
  all: string[];
}

/** Says which metrics a list of names, separated by commas, means. */
export function readList(text: string, metrics: readonly Metric[]): TypedList {
  const all = [...new Set(splitNames(text).map((name) => find(name, metrics)?.id ?? name))];
  const ids = new Set(metrics.map((metric) => metric.id));
  return {
    all,
    known: all.filter((name) => ids.has(name)),
    unknown: all.filter((name) => !ids.has(name)),
  };
}

/** The list that `readList` reads as these ids; names that are not known stay. */
export function writeList(ids: readonly string[], metrics: readonly Metric[]): string {
  const known = new Map(metrics.map((metric) => [metric.id, metric]));
  return ids.map((id) => quote(nameOf(known.get(id), metrics) ?? id)).join(", ");
}

/** How a metric is called in lists: by its label, where no other has it. */
export function nameOf(metric: Metric | undefined, metrics: readonly Metric[]): string | undefined {
  if (!metric) return undefined;
  const isTaken = metrics.some(
    (other) => other !== metric && (other.label === metric.label || other.id === metric.label),
  );
  return isTaken ? metric.id : metric.label;
}

/** The name that is typed at a place of a list, and where it stands. */
export function nameAt(text: string, place: number): { name: string; from: number; to: number } {
  let from = 0;
  for (const part of rawNames(text)) {
    const to = from + part.length;
    if (place <= to) return { name: unquote(part), from, to };
    from = to + 1;
  }
  return { name: "", from: text.length, to: text.length };
}

/** Metrics that could be meant by the start or a part of a name, the best first. */
export function completions(name: string, metrics: readonly Metric[], limit = 8): Metric[] {
  const wanted = name.toLowerCase();
  const rank = (metric: Metric): number => {
    const place = metric.label.toLowerCase().indexOf(wanted);
    return place < 0 && metric.id.toLowerCase().includes(wanted) ? 2 : Math.sign(place);
  };
  return metrics
    .map((metric) => ({ metric, rank: rank(metric) }))
    .filter((one) => one.rank >= 0)
    .sort((one, other) => one.rank - other.rank)
    .slice(0, limit)
    .map((one) => one.metric);
}

/** A name with a comma or a quote in it stands in quotes. */
export function quote(name: string): string {
  return /[",]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

function unquote(part: string): string {
  const text = part.trim();
  if (!text.startsWith('"')) return text;
  return text.replace(/^"/, "").replace(/"$/, "").replaceAll('""', '"');
}

function splitNames(text: string): string[] {
  return rawNames(text).map(unquote).filter(Boolean);
}

/** The parts between the commas that are not in quotes. */
function rawNames(text: string): string[] {
  const parts: string[] = [];
  let [start, quoted] = [0, false];
  for (let place = 0; place < text.length; place++) {
    if (text[place] === '"') quoted = !quoted;
    else if (text[place] === "," && !quoted) {
      parts.push(text.slice(start, place));
      start = place + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function find(name: string, metrics: readonly Metric[]): Metric | undefined {
  const lower = name.toLowerCase();
  return (
    metrics.find((metric) => metric.id === name) ??
    metrics.find((metric) => metric.label === name) ??
    metrics.find((metric) => metric.id.toLowerCase() === lower) ??
    metrics.find((metric) => metric.label.toLowerCase() === lower)
  );
}
