import { useMemo } from "preact/hooks";
import { formatValue, plural } from "../../logic/format";
import { chosenMetrics } from "../../logic/metric_lists";
import { type Ranking, type Shrinkage, worstSlices } from "../../logic/worst_slices";
import type { Metric, Run } from "../../report/contract";
import { useStore } from "../../state/use";
import { Change } from "../../ui/change";
import { SliceLink } from "./verdict_card";

interface Props {
  run: Run;
  /** The row that slices are held against. */
  baseline: number;
  version: number;
}

const SHOWN = 5;
/** Without a choice, as many metrics as stand in a row; never more than can be looked at. */
const DEFAULT_METRICS = 3;
const MOST_METRICS = 6;

/** For each metric, the slices that are worst, small ones not before their time. */
export function WorstSlices(props: Props) {
  const { model, state } = useStore();
  const { m } = state.value;
  const metrics = chosenMetrics(model, m, Number.POSITIVE_INFINITY)
    .filter(({ better, kind }) => better !== "none" && kind === "float")
    .slice(0, m.length > 0 ? MOST_METRICS : DEFAULT_METRICS);
  if (metrics.length === 0 || model.slices.size < 2) return null;
  return (
    <section aria-label="Worst slices">
      <h2>
        Worst slices <span class="dim">· against {model.slices.names[props.baseline]}</span>
      </h2>
      <div class="worst">
        {metrics.map((metric) => (
          <WorstOf key={metric.id} metric={metric} {...props} />
        ))}
      </div>
    </section>
  );
}

function WorstOf({ metric, run, baseline, version }: Props & { metric: Metric }) {
  const { model } = useStore();
  const ranking = useMemo(
    () => worstSlices(model, run, metric, baseline, SHOWN),
    [model, version, run, metric, baseline],
  );
  const { worst, shrinkage } = ranking;
  const isBound = shrinkage === "interval" || shrinkage === "share";
  const sign = metric.better === "up" ? -1 : 1;
  return (
    <section class="card" aria-label={`Worst slices by ${metric.label}`}>
      <h3 title={metric.doc}>{metric.label}</h3>
      {worst.length === 0 ? (
        <p class="dim">
          {ranking.compared > 0 ? "No slice is worse." : "There is nothing to compare."}
        </p>
      ) : (
        <table class="facts-table">
          <thead>
            <tr>
              <th scope="col">Slice</th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col" class="number">
                Difference
              </th>
              {isBound && (
                <th scope="col" class="number">
                  At least
                </th>
              )}
              <th scope="col" class="number">
                <abbr title="Examples">n</abbr>
              </th>
            </tr>
          </thead>
          <tbody>
            {worst.map(({ row, value, effect, score, n }) => (
              <tr key={row} class={isBound && score <= 0 ? "dim" : ""}>
                <td class="name" title={model.slices.names[row]}>
                  <SliceLink name={model.slices.names[row]!} run={run.id} metric={metric.id} />
                </td>
                <td class="number">{formatValue(value)}</td>
                <td class="number">
                  <Change
                    metric={isBound && score <= 0 ? undefined : metric}
                    change={sign * effect}
                    text={formatValue(effect)}
                  />
                </td>
                {isBound && (
                  <td class="number">{score > 0 ? formatValue(rounded(score)) : "noise"}</td>
                )}
                <td class="number">{formatValue(n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {worst.length > 0 && <p class="dim small">{explain(ranking)}</p>}
    </section>
  );
}

/** By what slices are ranked, in words. */
function explain({ shrinkage, compared, widening }: Ranking): string {
  const wide =
    widening > 1
      ? `, with intervals ${widening.toFixed(1)} × as wide, as ${plural(compared, "slice")} were compared`
      : "";
  const ways: Record<Shrinkage, string> = {
    interval: `Ranked by the least that the intervals leave of the difference${wide}.`,
    share:
      "No intervals were computed: ranked by the least that 1.96 · √(p(1 − p) / n) leaves of the " +
      `difference, 4 examples like the whole added to each slice${wide}.`,
    weight:
      "No intervals were computed: ranked by the difference times n / (n + median n), so that " +
      "slices of few examples count less.",
    none: "Neither intervals nor numbers of examples are known: ranked by the plain difference.",
  };
  return ways[shrinkage];
}

function rounded(value: number): number {
  return Number(value.toPrecision(2));
}
