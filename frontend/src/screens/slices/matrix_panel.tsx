import { Grid, type GridCell, type GridColumn } from "../../grid/grid";
import { formatDifference } from "../../logic/cell_format";
import { halfInterval, inUnits } from "../../logic/difference";
import { ARROWS, judge } from "../../logic/direction";
import { formatChange, formatValue, plural } from "../../logic/format";
import type { Metric } from "../../report/contract";
import { Empty } from "../../ui/empty";
import { useView } from "./use_view";
import { SLICE, type SlicesView } from "./view";

const [MOST_ROWS, MOST_COLUMNS] = [200, 40];
/** From so many units on, the colour is the strongest one, of so many per cent. */
const [FULL, STRENGTH] = [4, 45];

/** Slices by metrics: where the differences are. */
export function MatrixPanel() {
  const view = useView();
  const { store } = view;
  const all = view.rows.value;
  const rows = all.subarray(0, MOST_ROWS);
  const numeric = view.numeric.value.filter((metric) => metric.kind !== "count");
  const metrics = numeric.slice(0, MOST_COLUMNS);
  const columns: GridColumn[] = [
    { id: SLICE, label: "Slice", width: view.nameWidth.value },
    ...metrics.map(({ id, label }) => ({
      id,
      label,
      width: Math.max(84, Math.min(130, 30 + 7 * label.length)),
    })),
  ];
  const cell = (place: number, column: number): GridCell => {
    const row = rows[place]!;
    if (column === 0) return { content: <span class="cell-name">{view.name(row)}</span> };
    return differenceCell(view, metrics[column - 1]!, row);
  };
  const against = view.base.value ? "the baseline run" : view.name(view.baseline.value);
  return (
    <>
      {rows.length === 0 || metrics.length === 0 ? (
        <Empty>
          {rows.length === 0
            ? "No slice passes the filters."
            : "Only counts are shown here; they are not compared. Choose other metrics."}
        </Empty>
      ) : (
        <Grid
          label="Matrix of differences"
          columns={columns}
          rowCount={rows.length}
          rowHeight={23}
          rowsShown={12}
          selected={rows.indexOf(view.selected.value)}
          rowKey={(place) => rows[place]!}
          cell={cell}
          onChoose={(place, column) => {
            if (column > 0) store.set({ x: metrics[column - 1]!.id });
            store.select(view.name(rows[place]!));
          }}
          onEscape={() => store.select("")}
        />
      )}
      <p class="count">
        {against ? `Differences from ${against}` : "No baseline to differ from"}, coloured by their
        size in units of the interval, or of the spread over the slices where there is none:{" "}
        <span class="better">▲ better</span>, <span class="worse">▼ worse</span>.
        {all.length > MOST_ROWS && ` The first ${MOST_ROWS} of ${plural(all.length, "slice")}.`}
        {numeric.length > MOST_COLUMNS &&
          ` The first ${MOST_COLUMNS} of ${plural(numeric.length, "metric")}.`}
      </p>
    </>
  );
}

function differenceCell(view: SlicesView, metric: Metric, row: number): GridCell {
  const values = view.values(metric.id)!;
  const value = values.v[row]!;
  const change = value - view.reference(metric, row);
  if (Number.isNaN(change)) {
    return {
      content: formatValue(value),
      title: `${metric.label}: ${values.why.get(row) ?? formatValue(value)}`,
      class: "matrix-cell dim",
    };
  }
  const otherHalf = view.base.value
    ? halfInterval(view.baseValues(metric.id), row)
    : halfInterval(values, view.baseline.value);
  const units = inUnits(change, halfInterval(values, row), otherHalf, view.spread(metric.id));
  const judgement = judge(metric, change);
  return {
    content: `${ARROWS[judgement]} ${formatDifference(change, false)}`,
    title: `${metric.label}: ${formatValue(value)}, ${formatChange(change)}, ${formatValue(Math.abs(units))} units ${judgement === "none" ? "" : judgement}`,
    class: "matrix-cell",
    style: { background: colourOf(judgement, units) },
  };
}

function colourOf(judgement: string, units: number): string {
  if ((judgement !== "better" && judgement !== "worse") || Number.isNaN(units))
    return "transparent";
  const strength = Math.round(STRENGTH * Math.min(1, Math.abs(units) / FULL));
  return `color-mix(in srgb, var(--${judgement}) ${strength}%, transparent)`;
}
