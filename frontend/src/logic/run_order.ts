import type { Run } from "../report/contract";
import type { Model } from "../report/model";
import type { SortKey } from "../state/state";
import { compareNatural } from "./natural";
import { labelAlong } from "./run_axis";
import { verdictWords } from "./run_words";

const METRIC = "metric:";

const texts: Record<string, (model: Model, run: Run) => string> = {
  run: (_, run) => run.name,
  model: (_, run) => labelAlong(run, "model"),
  data: (_, run) => labelAlong(run, "data"),
  started: (_, run) => run.started ?? "",
  verdict: (model, run) => verdictWords(model.verdicts.get(run.id)).words,
};

/** Runs, given in order of time, newest first or by a column; what is missing comes last both ways. */
export function sortRuns(
  model: Model,
  runs: readonly Run[],
  sort: SortKey | null,
  slice: string,
): Run[] {
  const newestFirst = [...runs].reverse();
  if (!sort) return newestFirst;
  const sign = sort.descending ? -1 : 1;
  if (sort.by.startsWith(METRIC)) {
    const row = model.slices.row(slice) ?? -1;
    const metric = sort.by.slice(METRIC.length);
    const values = new Map(runs.map(({ id }) => [id, model.value(id, metric, row)]));
    return newestFirst.sort((one, other) => {
      const [a, b] = [values.get(one.id)!, values.get(other.id)!];
      return Number.isNaN(a) || Number.isNaN(b)
        ? Number(Number.isNaN(a)) - Number(Number.isNaN(b))
        : sign * (a - b);
    });
  }
  const text = texts[sort.by];
  if (!text) return newestFirst;
  return newestFirst.sort(
    (one, other) => sign * compareNatural(text(model, one), text(model, other)),
  );
}
