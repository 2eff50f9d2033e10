import type { Plot, Run } from "../report/contract";
import { compareNatural } from "./natural";

export type PlotType = Plot["type"];

/** The plots of one slice of one run that are looked at together. */
export interface PlotSeries {
  run: Run;
  slice: string;
  label: string;
  /** Place among the slices: it gives the colour and the sign. */
  place: number;
  /** Whether it belongs to the run that is compared with. */
  isBase: boolean;
  plots: Map<PlotType, Plot>;
}

/** What of plots can be chosen; each sorted, each with what is chosen. */
export interface PlotChoices {
  output: string;
  outputs: string[];
  /** Class or other sub-key. */
  subKey: string;
  subKeys: string[];
  name: string;
  names: string[];
}

interface Wanted {
  outputs: readonly string[];
  subKeys: readonly string[];
  name: string | undefined;
}

/** What there is to choose among plots, and what is taken by what is wanted. */
export function choicesOf(plots: readonly Plot[], wanted: Wanted): PlotChoices {
  const outputs = unique(plots.map((plot) => plot.output ?? ""));
  const output = among(outputs, wanted.outputs);
  const ofOutput = plots.filter((plot) => (plot.output ?? "") === output);
  const subKeys = unique(ofOutput.flatMap((plot) => plot.sub_key ?? []));
  const subKey = among(subKeys, wanted.subKeys);
  const names = severalNames(ofOutput);
  return { output, outputs, subKey, subKeys, name: among(names, [wanted.name ?? ""]), names };
}

/** The names of plots that nothing else tells apart. */
function severalNames(plots: readonly Plot[]): string[] {
  const kinds = new Map<string, Set<string>>();
  for (const { run, slice, type, sub_key, name } of plots) {
    const kind = JSON.stringify([run, slice, type, sub_key]);
    kinds.set(kind, (kinds.get(kind) ?? new Set()).add(name ?? ""));
  }
  return unique([...kinds.values()].flatMap((names) => (names.size > 1 ? [...names] : [])));
}

/** One plot of each type. What has no class is shown whatever class is chosen. */
export function pick(plots: readonly Plot[], choices: PlotChoices): Map<PlotType, Plot> {
  const found = new Map<PlotType, Plot>();
  const rank = (plot: Plot): number => {
    const isOfClass = (plot.sub_key ?? "") === choices.subKey;
    return (isOfClass ? 2 : 0) + ((plot.name ?? "") === choices.name ? 1 : 0);
  };
  for (const plot of plots) {
    if ((plot.output ?? "") !== choices.output) continue;
    if (plot.sub_key && plot.sub_key !== choices.subKey) continue;
    const known = found.get(plot.type);
    if (!known || rank(plot) > rank(known)) found.set(plot.type, plot);
  }
  return found;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort(compareNatural);
}

function among(texts: readonly string[], wanted: readonly string[]): string {
  return wanted.find((one) => texts.includes(one)) ?? texts[0] ?? "";
}
