import type { Run } from "../report/contract";
import type { Model } from "../report/model";
import { evaluatorOf } from "./evaluators";

/**
 * The run that a run is compared with: the chosen one; else the baseline model that was evaluated
 * with it; else the run before it of the same evaluator. undefined where there is none.
 */
export function baseRunOf(model: Model, run: Run, chosen: string): Run | undefined {
  const named = model.run(chosen);
  if (named && named.id !== run.id) return named;
  const own = model.runs.find(({ id, baseline }) => baseline && id.startsWith(`${run.id}~`));
  const place = model.runs.findIndex(({ id }) => id === run.id);
  return (
    own ??
    model.runs
      .slice(0, Math.max(0, place))
      .findLast((one) => !one.baseline && evaluatorOf(one) === evaluatorOf(run))
  );
}
