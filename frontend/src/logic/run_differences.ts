import type { Metric, Run } from "../report/contract";
import type { Model, Values } from "../report/model";
import { against, type How, halfWidth } from "./against";
import { judge } from "./direction";
import { presence, rowsWhere } from "./rows";

/** A metric in two runs, by row; NaN where there is none. */
export interface RunDifference {
  metric: Metric;
  /** In the run, and in the one that it is compared with. */
  ours: Values | undefined;
  theirs: Values | undefined;
  /** The run's value less the baseline run's, and in the wanted form. */
  change: Float64Array;
  amount: Float64Array;
  /** Half the width of the interval of `change`, as of independent estimates: sqrt(h1² + h2²). */
  half: Float64Array;
  /** |change| / half: above 1 is more than the intervals explain. */
  ratio: Float64Array;
  hasIntervals: boolean;
}

/** How a metric differs between two runs. */
export function differenceOf(
  model: Model,
  run: Run,
  base: Run,
  metric: Metric,
  how: How,
): RunDifference {
  const { size } = model.slices;
  const [ours, theirs] = [model.column(run.id, metric.id), model.column(base.id, metric.id)];
  const found: RunDifference = {
    metric,
    ours,
    theirs,
    change: new Float64Array(size).fill(Number.NaN),
    amount: new Float64Array(size).fill(Number.NaN),
    half: new Float64Array(size).fill(Number.NaN),
    ratio: new Float64Array(size).fill(Number.NaN),
    hasIntervals: false,
  };
  if (!ours || !theirs) return found;
  for (let row = 0; row < size; row++) {
    const { amount, change } = against(ours.v[row]!, theirs.v[row]!, how);
    const half = Math.hypot(halfWidth(ours, row), halfWidth(theirs, row));
    found.change[row] = change;
    found.amount[row] = amount;
    found.half[row] = half;
    if (Number.isNaN(half) || Number.isNaN(change)) continue;
    found.hasIntervals = true;
    found.ratio[row] = change === 0 ? 0 : Math.abs(change) / half;
  }
  return found;
}

/** Whether a row's change is more than its intervals explain; where it has none, whether there is one. */
export function isChanged({ change, ratio }: RunDifference, row: number): boolean {
  const times = ratio[row]!;
  return Number.isNaN(times) ? Math.abs(change[row]!) > 0 : times > 1;
}

/** How many rows are better, worse, and otherwise changed. */
export function countChanges(
  difference: RunDifference,
  rows: Int32Array,
): { better: number; worse: number; other: number } {
  const counts = { better: 0, worse: 0, other: 0 };
  for (const row of rows) {
    if (!isChanged(difference, row)) continue;
    const judgement = judge(difference.metric, difference.change[row]!);
    counts[judgement === "better" || judgement === "worse" ? judgement : "other"]++;
  }
  return counts;
}

/** The rows that both runs have, and those that only one has. */
export function matchRows(
  model: Model,
  run: Run,
  base: Run,
): { both: Int32Array; onlyRun: Int32Array; onlyBase: Int32Array } {
  const { size } = model.slices;
  const [ours, theirs] = [run, base].map(({ id }) =>
    presence(
      size,
      model.metricsOf(id).flatMap((metric) => model.column(id, metric) ?? []),
    ),
  ) as [Uint8Array, Uint8Array];
  return {
    both: rowsWhere(size, (row) => !!ours[row] && !!theirs[row]),
    onlyRun: rowsWhere(size, (row) => !!ours[row] && !theirs[row]),
    onlyBase: rowsWhere(size, (row) => !ours[row] && !!theirs[row]),
  };
}
