import { useSignal } from "@preact/signals";
import { Grid, type GridCell, type GridColumn, type SortState } from "../../grid/grid";
import { plural, shorten } from "../../logic/format";
import type { Metric } from "../../report/contract";
import type { SortKey } from "../../state/state";
import { Empty } from "../../ui/empty";
import { Exports } from "./exports_menu";
import { metricCell } from "./metric_cell";
import { RangeChip } from "./range_chip";
import { useView } from "./use_view";
import { SLICE, type SlicesView } from "./view";

/** The table of the slices that pass the filters. */
export function TablePanel() {
  const view = useView();
  const { store } = view;
  const widths = useSignal<Record<string, number>>({});
  const rows = view.rows.value;
  const metrics = view.columns.value;
  const selected = view.selected.value;
  const columns: GridColumn[] = [
    { id: SLICE, label: "Slice", width: widths.value[SLICE] ?? view.nameWidth.value },
    ...metrics.map((metric) => ({
      id: metric.id,
      label: metric.label,
      title: metric.doc ? `${metric.label}: ${metric.doc}` : metric.label,
      width: widths.value[metric.id] ?? widthOf(view, metric),
    })),
  ];
  const cell = (place: number, column: number): GridCell => {
    const row = rows[place]!;
    if (column > 0) return metricCell(view, metrics[column - 1]!, row);
    const name = view.name(row);
    const isBaseline = row === view.baseline.value;
    return {
      content: <span class="cell-name">{shorten(name, 200)}</span>,
      title: isBaseline ? `${name} (baseline)` : name,
      class: isBaseline ? "is-baseline" : "",
    };
  };
  return (
    <section class="slices-table" aria-label="Table">
      <div class="controls spread">
        <Count view={view} />
        <RangeChip />
        <Exports />
      </div>
      {rows.length === 0 ? (
        <NoRows view={view} />
      ) : (
        <Grid
          label="Slices"
          columns={columns}
          rowCount={rows.length}
          selected={rows.indexOf(selected)}
          rowKey={(place) => rows[place]!}
          cell={cell}
          sortOf={(id) => sortOf(store.state.value.s, id)}
          onSort={(id, more) => {
            // what is not one number has no order
            if (id === SLICE || view.values(id))
              store.set({ s: sortedBy(store.state.value.s, id, more) });
          }}
          onMove={(id, to) => store.set({ m: moved(metrics, id, to - 1) })}
          onResize={(id, width) => {
            widths.value = { ...widths.value, [id]: width };
          }}
          onChoose={(place) => store.select(view.name(rows[place]!))}
          onEscape={() => store.select("")}
        />
      )}
    </section>
  );
}

function Count({ view }: { view: SlicesView }) {
  const [shown, all] = [view.rows.value.length, view.present.value.length];
  const unknown = view.unknown.value;
  return (
    <p class="count" role="status">
      {shown === all
        ? plural(all, "slice")
        : `${plural(shown, "slice").split(" ")[0]} of ${plural(all, "slice")}`}
      {unknown.length > 0 && <span class="worse"> · no metric {unknown.join(", ")}</span>}
    </p>
  );
}

function NoRows({ view: { store, present } }: { view: SlicesView }) {
  if (store.coming.value > 0) return <Empty>Loading …</Empty>;
  if (present.value.length === 0) return <Empty>This run has no metrics of slices.</Empty>;
  return (
    <Empty>
      No slice passes the filters.{" "}
      <button
        type="button"
        class="button"
        onClick={() => store.set({ feat: "*", w: 0, q: "", f: null })}
      >
        Clear filters
      </button>
    </Empty>
  );
}

/** As wide as its content usually is. */
function widthOf(view: SlicesView, metric: Metric): number {
  const values = view.values(metric.id);
  if (!values) return 150;
  const content = 76 + (values.lo ? 62 : 0) + (view.compares(metric) ? 74 : 0);
  return Math.max(content, Math.min(190, 34 + 7.2 * metric.label.length));
}

function sortOf(keys: readonly SortKey[], id: string): { state: SortState; place: number } {
  const index = keys.findIndex((key) => key.by === id);
  if (index < 0) return { state: "none", place: 0 };
  return {
    state: keys[index]!.descending ? "descending" : "ascending",
    place: keys.length > 1 ? index + 1 : 0,
  };
}

/** The sorting after a click: descending, ascending, none; `more` keeps what else is sorted by. */
export function sortedBy(keys: readonly SortKey[], id: string, more: boolean): SortKey[] {
  const known = keys.find((key) => key.by === id);
  const next = known ? { by: id, descending: false } : { by: id, descending: true };
  const goes = known && !known.descending;
  if (!more) return goes ? [] : [next];
  if (!known) return [...keys, next];
  return keys.flatMap((key) => (key !== known ? [key] : goes ? [] : [next]));
}

/** The metrics' ids with one put before that at a place. */
function moved(metrics: readonly Metric[], id: string, to: number): string[] {
  const ids = metrics.map((metric) => metric.id);
  const from = ids.indexOf(id);
  const others = ids.filter((other) => other !== id);
  others.splice(from < to ? to - 1 : to, 0, id);
  return others;
}
