import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { PairChart } from "../../charts/pair_chart";
import { Grid, type SortState } from "../../grid/grid";
import { formatAgainst } from "../../logic/against";
import { judge } from "../../logic/direction";
import { formatValue, plural } from "../../logic/format";
import { hasScreen } from "../../logic/offered";
import { withText, withWeight } from "../../logic/rows";
import {
  countChanges,
  differenceOf,
  isChanged,
  matchRows,
  type RunDifference,
} from "../../logic/run_differences";
import { sortRows } from "../../logic/sort";
import type { Metric, Run } from "../../report/contract";
import type { Model } from "../../report/model";
import type { SortKey } from "../../state/state";
import { useStore } from "../../state/use";
import { nextSort } from "../../ui/data_table";
import { Empty } from "../../ui/empty";
import { type CompareColumn, columnsOf } from "./columns";

interface Props {
  run: Run;
  base: Run;
  metric: Metric;
  metrics: readonly Metric[];
}

/** So many points of the chart are reached by keys: the first ones of the table. */
const STOPS = 40;

/** What two runs have and how they differ, as a sentence, a chart and a table. */
export function Comparison({ run, base, metric, metrics }: Props) {
  const store = useStore();
  const { model } = store;
  const { d: how, only, q, w, so, sel } = store.state.value;
  const version = store.version.value;
  const ids = metrics.map(({ id }) => id).join("\n");
  const matched = useMemo(() => matchRows(model, run, base), [model, version, run, base]);
  const differences = useMemo(
    () => metrics.map((one) => differenceOf(model, run, base, one, how)),
    [model, version, run, base, ids, how],
  );
  const columns = useMemo(
    () => columnsOf(model, run, base, differences, how),
    [model, run, base, differences, how],
  );
  const charted = differences.find((one) => one.metric === metric) ?? differences[0]!;
  const found = useMemo(() => {
    const lowered = model.slices.names.map((name) => name.toLowerCase());
    const weights = model.column(run.id, model.source.weight ?? "")?.v;
    return withText(withWeight(matched.both, weights, w), lowered, q);
  }, [model, matched, run, w, q]);
  const kept = useMemo(
    () => (only ? found.filter((row) => differences.some((one) => isChanged(one, row))) : found),
    [found, differences, only],
  );
  const sort = so ?? { by: `size:${charted.metric.id}`, descending: true };
  const rows = useMemo(
    () => sorted(kept, columns, sort),
    [kept, columns, sort.by, sort.descending],
  );
  const kinds = useMemo(() => kindsOf(charted, kept), [charted, kept]);
  const marked = useSignal(-1);
  const selected = model.slices.row(sel) ?? -1;
  const place = rows.indexOf(selected);
  const choose = (row: number): void => store.select(model.slices.names[row]!);
  const describe = (row: number): string => describePoint(model, charted, row);
  if (matched.both.length === 0) {
    const isComing = store.coming.value > 0;
    return <Empty>{isComing ? "Loading …" : "These runs have no slice in common."}</Empty>;
  }
  return (
    <>
      <p class="compare-says">
        <Says run={run} base={base} difference={charted} rows={kept} all={matched.both.length} />
      </p>
      <div class="compare-parts">
        <div>
          <PairChart
            summary={summaryOf(run, base, charted, kept)}
            x={charted.theirs?.v ?? charted.change}
            y={charted.ours?.v ?? charted.change}
            kinds={kinds}
            rows={kept}
            xLabel={`${metric.label} in baseline run ${base.name} →`}
            yLabel={`${metric.label} in run ${run.name}`}
            legend={charted.hasIntervals ? WITH_INTERVALS : WITHOUT_INTERVALS}
            stops={[...rows.slice(0, STOPS)]}
            selected={selected}
            marked={marked}
            bounds={(row) => ({
              x: boundsOf(charted.theirs, row),
              y: boundsOf(charted.ours, row),
            })}
            text={describe}
            tip={describe}
            onChoose={choose}
          />
          <Selected name={selected < 0 ? "" : sel} isShown={place >= 0} />
        </div>
        <div class="compare-table">
          {rows.length === 0 ? (
            <Empty>No slice is left. Loosen the filters above.</Empty>
          ) : (
            <Grid
              label="Differences"
              columns={columns}
              rowCount={rows.length}
              selected={place}
              rowKey={(index) => rows[index]!}
              cell={(index, column) => columns[column]!.cell(rows[index]!)}
              sortOf={(id) => ({ state: orderOf(sort, id), place: 0 })}
              onSort={(by) => store.set({ so: nextSort(so ?? sort, by) })}
              onChoose={(index) => choose(rows[index]!)}
            />
          )}
          <OnlyIn run={run} rows={matched.onlyRun} what="run" />
          <OnlyIn run={base} rows={matched.onlyBase} what="baseline run" />
        </div>
      </div>
    </>
  );
}

const WITH_INTERVALS = ["within noise", "▲ better", "▼ worse"] as const;
const WITHOUT_INTERVALS = ["not judged", "▲ better", "▼ worse"] as const;

interface SaysProps {
  run: Run;
  base: Run;
  difference: RunDifference;
  rows: Int32Array;
  all: number;
}

/** What was subtracted from what, and what came of it. */
function Says({ run, base, difference, rows, all }: SaysProps) {
  const { better, worse, other } = countChanges(difference, rows);
  const changed = better + worse + other;
  const noise = difference.hasIntervals ? "beyond its interval" : "at all (there are no intervals)";
  const shown =
    rows.length < all ? `${rows.length} of ${plural(all, "slice")}` : plural(all, "slice");
  return (
    <>
      Run <b>{run.name}</b> minus baseline run <b>{base.name}</b>, {shown} in both.{" "}
      <b>{difference.metric.label}</b> changed {noise} in {plural(changed, "slice")}
      {better + worse > 0 && (
        <>
          : <span class="better">▲ {better} better</span>,{" "}
          <span class="worse">▼ {worse} worse</span>
        </>
      )}
      .
    </>
  );
}

/** What can be done with the chosen slice. */
function Selected({ name, isShown }: { name: string; isShown: boolean }) {
  const store = useStore();
  if (!name) return null;
  const link = hasScreen(store.model, "slices");
  return (
    <p class="compare-selected">
      Selected: <b>{name}</b>
      {!isShown && " (not among those shown)"}{" "}
      {link && (
        <button type="button" class="link-text" onClick={() => store.go("slices", { sel: name })}>
          show in Slices
        </button>
      )}
    </p>
  );
}

const LISTED = 100;

function OnlyIn({ run, rows, what }: { run: Run; rows: Int32Array; what: string }) {
  const { model } = useStore();
  if (rows.length === 0) return null;
  const names = [...rows.slice(0, LISTED)].map((row) => model.slices.names[row]);
  const more = rows.length - names.length;
  return (
    <details class="only-in">
      <summary>
        {plural(rows.length, "slice")} only in {what} {run.name}
      </summary>
      <p>
        {names.join(", ")}
        {more > 0 && ` and ${more} more`}
      </p>
    </details>
  );
}

function sorted(
  rows: Int32Array,
  columns: readonly CompareColumn[],
  { by, descending }: SortKey,
): Int32Array {
  const column = columns.find(({ id }) => id === by);
  return column ? sortRows(rows, [{ values: column.values, descending }]) : rows;
}

function orderOf(sort: SortKey, id: string): SortState {
  if (sort.by !== id) return "none";
  return sort.descending ? "descending" : "ascending";
}

function kindsOf(difference: RunDifference, rows: Int32Array): Uint8Array {
  const kinds = new Uint8Array(difference.change.length);
  for (const row of rows) {
    if (!isChanged(difference, row)) continue;
    const judgement = judge(difference.metric, difference.change[row]!);
    kinds[row] = judgement === "better" ? 1 : judgement === "worse" ? 2 : 0;
  }
  return kinds;
}

function boundsOf(values: RunDifference["ours"], row: number): [number, number] {
  return [values?.lo?.[row] ?? Number.NaN, values?.hi?.[row] ?? Number.NaN];
}

function describePoint(model: Model, one: RunDifference, row: number): string {
  const { metric, ours, theirs, change, half, ratio } = one;
  const noise = Number.isNaN(half[row])
    ? ""
    : ` ± ${formatValue(Number(half[row]!.toPrecision(2)))}`;
  const told = Number.isNaN(ratio[row]!)
    ? ""
    : ratio[row]! > 1
      ? ", more than the intervals explain"
      : ", no more than the intervals explain";
  return (
    `${model.slices.names[row]}: ${metric.label} ${formatValue(ours?.v[row])} in the run, ` +
    `${formatValue(theirs?.v[row])} in the baseline run, ` +
    `difference ${formatAgainst(change[row]!, "abs")}${noise}${told}`
  );
}

function summaryOf(run: Run, base: Run, difference: RunDifference, rows: Int32Array): string {
  const { better, worse } = countChanges(difference, rows);
  return (
    `${difference.metric.label} of ${plural(rows.length, "slice")} in run ${run.name} over ` +
    `baseline run ${base.name}: ${better} better, ${worse} worse; the table has them all.`
  );
}
