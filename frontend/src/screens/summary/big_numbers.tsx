import { against, formatAgainst, halfWidth, isSignificant } from "../../logic/against";
import { formatFull, formatValue } from "../../logic/format";
import { chosenMetrics } from "../../logic/metric_lists";
import { hasScreen } from "../../logic/offered";
import { intervalName } from "../../logic/run_words";
import type { Metric, Run } from "../../report/contract";
import { useStore } from "../../state/use";
import { Change } from "../../ui/change";

interface Props {
  run: Run;
  base: Run | undefined;
  /** Of Overall. */
  row: number;
}

/** No more at once: there is a screen for all. */
const MOST = 48;

/** The metrics of one slice, and how they changed against the baseline run. */
export function BigNumbers({ run, base, row }: Props) {
  const { model, state } = useStore();
  const metrics = chosenMetrics(model, state.value.m, MOST).filter(({ id }) => {
    const column = model.column(run.id, id);
    return column && (!Number.isNaN(column.v[row]) || column.why.has(row));
  });
  const name = model.slices.names[row]!;
  return (
    <section aria-label={`Metrics of ${name}`}>
      <h2>
        {name}
        {base && <span class="dim"> · change against {base.name}</span>}
      </h2>
      {metrics.length === 0 && <p class="dim">This run has no number of {name}.</p>}
      <div class="tiles">
        {metrics.map((metric) => (
          <Tile key={metric.id} metric={metric} run={run} base={base} row={row} />
        ))}
      </div>
    </section>
  );
}

function Tile({ metric, run, base, row }: Props & { metric: Metric }) {
  const store = useStore();
  const { model } = store;
  const column = model.column(run.id, metric.id);
  const value = column?.v[row] ?? Number.NaN;
  const [lo, hi] = [column?.lo?.[row] ?? Number.NaN, column?.hi?.[row] ?? Number.NaN];
  const open = hasScreen(model, "slices");
  return (
    <div class="tile card">
      {open ? (
        <button
          type="button"
          class="tile-name"
          title={metric.doc ?? metric.id}
          onClick={() => store.go("slices", { run: run.id, x: metric.id })}
        >
          {metric.label}
        </button>
      ) : (
        <span class="tile-name" title={metric.doc}>
          {metric.label}
        </span>
      )}
      <strong title={formatFull(value)}>{formatValue(value)}</strong>
      {Number.isNaN(lo - hi) ? (
        <span class="dim">{column?.why.get(row) ?? ""}</span>
      ) : (
        <span class="dim" title={intervalName(column?.level)}>
          {formatValue(lo)} to {formatValue(hi)}
        </span>
      )}
      {base && <TileChange metric={metric} run={run} base={base} row={row} />}
    </div>
  );
}

function TileChange({ metric, run, base, row }: Props & { metric: Metric; base: Run }) {
  const { model } = useStore();
  const [ours, theirs] = [model.column(run.id, metric.id), model.column(base.id, metric.id)];
  const found = against(ours?.v[row] ?? Number.NaN, theirs?.v[row] ?? Number.NaN, "abs");
  if (Number.isNaN(found.amount)) return <span class="dim">no change known</span>;
  const isMore = isSignificant(found.change, halfWidth(ours, row), halfWidth(theirs, row));
  if (found.change === 0) return <span class="dim">unchanged</span>;
  return (
    <span
      class={isMore === false ? "dim" : ""}
      title={
        `${formatValue(theirs?.v[row])} in ${base.name}` +
        (isMore === false ? "; the intervals explain the change" : "")
      }
    >
      <Change
        metric={isMore === false ? undefined : metric}
        change={found.change}
        text={formatAgainst(Number(found.amount.toPrecision(3)), "abs")}
      />
      {isMore === false && " · noise"}
    </span>
  );
}
