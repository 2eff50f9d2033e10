import { baseRunOf } from "../../logic/base_run";
import { numericMetrics } from "../../logic/metric_lists";
import type { Model } from "../../report/model";
import { OVERALL } from "../../report/slices";
import { useRun, useStore } from "../../state/use";
import { Empty } from "../../ui/empty";
import { RunChoice } from "../../ui/run_choice";
import { BigNumbers } from "./big_numbers";
import { RunInformation } from "./run_information";
import { VerdictCard } from "./verdict_card";
import { WorstSlices } from "./worst_slices";

/** A run at a glance: its verdict, its metrics, its worst slices, where it is from. */
export function SummaryScreen() {
  const store = useStore();
  const { model } = store;
  const state = store.state.value;
  const version = store.version.value;
  const run = store.run.value;
  const base = run && baseRunOf(model, run, state.base);
  useRun(run);
  useRun(base);
  if (!run) return <Empty>There is no run in this report.</Empty>;
  const row = overallRow(model, state.bl);
  return (
    <div class="summary">
      <div class="controls">
        <RunChoice
          runs={model.runs}
          run={run.id}
          base={base?.id ?? ""}
          none={base ? undefined : "None before this one"}
          onRun={(id) => store.set({ run: id })}
          onBase={(id) => store.set({ base: id })}
        />
      </div>
      <VerdictCard run={run} verdict={model.verdicts.get(run.id)} />
      {row === undefined || numericMetrics(model).length === 0 ? (
        <Empty>
          {store.coming.value > 0 ? "Loading …" : "No metric of this run is one number."}
        </Empty>
      ) : (
        <>
          <BigNumbers run={run} base={base} row={row} />
          <WorstSlices run={run} baseline={row} version={version} />
        </>
      )}
      <RunInformation run={run} />
    </div>
  );
}

/** The slice that others are compared with; the first one where there is no Overall. */
function overallRow(model: Model, chosen: string): number | undefined {
  const named = [chosen, model.source.baseline_slice ?? "", OVERALL];
  const found = named.map((name) => model.slices.row(name)).find((row) => row !== undefined);
  return found ?? (model.slices.size > 0 ? 0 : undefined);
}
