import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { type BarColumn, IntervalBars, type Item } from "../../charts/interval_bars";
import { seriesColour } from "../../charts/series_marks";
import { ARROWS, judge } from "../../logic/direction";
import { type Column, describeBar, extentOf, needsDots } from "../../logic/fairness_columns";
import type { Family } from "../../logic/families";
import { formatValue, plural, shorten } from "../../logic/format";
import { useStore } from "../../state/use";
import { type DataColumn, DataTable, nextSort } from "../../ui/data_table";
import { useInView } from "../../ui/in_view";
import { type FairnessView, type Shown, shownOf } from "./view";

/** So many bars are drawn at once. */
const MAX_BARS = 60;
/** So high is a table, less where it has many columns: what is in sight has about so many cells. */
const TABLE_HEIGHT = 400;
const CELLS = 260;
const [ROW, SPARE_ROWS, LEAST_ROWS] = [27, 8, 5];

/** One metric over slices: its bars beside a table of its numbers. Out of sight only its title is there. */
export function MetricCard({ family, view }: { family: Family; view: FairnessView }) {
  const box = useRef<HTMLElement>(null);
  const height = useRef(TABLE_HEIGHT);
  const isIn = useInView(box);
  if (isIn && box.current) height.current = box.current.offsetHeight;
  const better = { up: "higher is better", down: "lower is better", none: "" }[family.better];
  return (
    <section
      ref={box}
      class="card fair-card"
      aria-label={family.label}
      style={isIn ? {} : { minHeight: `${height.current}px` }}
    >
      <h2>{family.label}</h2>
      <p class="fair-doc">{[family.doc, better].filter(Boolean).join(" · ")}</p>
      {isIn && <MetricBody family={family} view={view} />}
    </section>
  );
}

function MetricBody({ family, view }: { family: Family; view: FairnessView }) {
  const store = useStore();
  const version = store.version.value;
  const { thr, fo } = store.state.value;
  const shown = useMemo(
    () => shownOf(store, view, family),
    [store, version, view.run, view.base, view.rows, view.baseline, view.how, family, thr, fo],
  );
  if (shown.rows.length === 0) return <p class="dim">No slice that is shown has a value of it.</p>;
  return (
    <div class={shown.bars.length > 1 ? "fair-body stacked" : "fair-body"}>
      <Chart shown={shown} view={view} />
      <Table shown={shown} />
    </div>
  );
}

interface Props {
  shown: Shown;
  view: FairnessView;
}

function Chart({ shown, view }: Props) {
  const store = useStore();
  const { model } = store;
  const { fk, sel } = store.state.value;
  const { bars, family, rows } = shown;
  const most = Math.max(1, Math.floor(MAX_BARS / bars.length));
  const drawn = rows.subarray(0, most);
  const items = useMemo(() => itemsOf(shown, drawn, view.baseline, model.slices), [shown, most]);
  const extent = extentOf(bars, [...drawn, view.baseline]);
  if (!extent) return <p class="dim">None of these slices has a number.</p>;
  const dots = fk === "" ? needsDots(extent) : fk === "dots";
  const columns: BarColumn[] = bars.map((bar, index) => ({
    label: bar.label,
    // a run and the one that it is compared with share a colour
    place: view.base ? index >> 1 : index,
    isHollow: bar.isBase,
    value: (row) => bar.values?.v[row] ?? Number.NaN,
    lo: (row) => bar.values?.lo?.[row] ?? Number.NaN,
    hi: (row) => bar.values?.hi?.[row] ?? Number.NaN,
  }));
  return (
    <div class="fair-chart">
      {bars.length > 1 && (
        <ul class="legend">
          {columns.map(({ label, place, isHollow }) => (
            <li key={label}>
              <span
                class={isHollow ? "swatch hollow" : "swatch"}
                style={{ color: seriesColour(place) }}
              />
              {label}
            </li>
          ))}
        </ul>
      )}
      <IntervalBars
        summary={summaryOf(shown, model.slices.names)}
        items={items}
        bars={columns}
        baseline={view.baseline}
        selected={model.slices.row(sel) ?? -1}
        extent={extent}
        dots={dots}
        tip={(bar, row) => describeBar(model, bars[bar]!, row)}
        onSelect={(row) => store.select(model.slices.names[row]!)}
      />
      {drawn.length < rows.length && (
        <p class="fair-note" role="note">
          Drawn: {drawn.length} of {plural(rows.length, "slice")}, at most {MAX_BARS} bars of{" "}
          {family.label}. The table has all; find, filter or sort to draw others.
        </p>
      )}
    </div>
  );
}

/** The rows, in order of features with a title for each of them. */
function itemsOf(
  { isSorted }: Shown,
  rows: Int32Array,
  baseline: number,
  slices: {
    names: readonly string[];
    features: readonly string[];
    featureCodes: readonly number[];
  },
): Item[] {
  const items: Item[] = [];
  let before = -1;
  const several = new Set(Array.from(rows, (row) => slices.featureCodes[row]!)).size > 1;
  for (const row of rows) {
    const code = slices.featureCodes[row]!;
    const feature = slices.features[code]!;
    const isTitled = !isSorted && several && row !== baseline;
    if (isTitled && code !== before && feature) items.push({ title: feature });
    if (isTitled) before = code;
    items.push({ row, name: slices.names[row]! });
  }
  return items;
}

/** Says the lowest and the highest value. */
function summaryOf({ family, bars, rows }: Shown, names: readonly string[]): string {
  const values = bars[0]?.values?.v;
  let [least, most] = [-1, -1];
  for (const row of rows) {
    const value = values?.[row] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    if (least < 0 || value < values![least]!) least = row;
    if (most < 0 || value > values![most]!) most = row;
  }
  if (least < 0) return `${family.label}: no slice has a value.`;
  const tell = (row: number): string => `${formatValue(values![row])} (${shorten(names[row]!)})`;
  return `${family.label} of ${plural(rows.length, "slice")}: from ${tell(least)} to ${tell(most)}.`;
}

function Table({ shown }: { shown: Shown }) {
  const store = useStore();
  const { slices } = store.model;
  const { fo, sel } = store.state.value;
  const { rows, family } = shown;
  const name = (index: number): string => slices.names[rows[index]!]!;
  const marked = useSignal(-1);
  marked.value = rows.indexOf(slices.row(sel) ?? -1);
  const columns: DataColumn[] = [
    {
      id: "slice",
      head: "Slice",
      width: 150,
      cell: (index) => (
        <button
          type="button"
          class="link-text"
          title={name(index)}
          aria-pressed={name(index) === sel}
          onClick={(event) => {
            event.stopPropagation();
            store.select(name(index));
          }}
        >
          {name(index)}
        </button>
      ),
    },
    ...shown.columns.map((column) => ({
      id: column.id,
      head: column.head,
      title: column.title,
      group: column.group,
      width: column.id.startsWith("count") ? 92 : column.head === "Value" ? 128 : 136,
      isNumber: true,
      cell: (index: number) => <NumberCell column={column} row={rows[index]!} />,
    })),
  ];
  return (
    <DataTable
      label={`${family.label}, table`}
      columns={columns}
      count={rows.length}
      rowKey={(index) => name(index)}
      sort={fo}
      marked={marked}
      maxHeight={tableHeight(columns.length)}
      onSort={(by) => store.set({ fo: nextSort(fo, by) })}
      onRow={(index) => store.select(name(index))}
    />
  );
}

function tableHeight(columns: number): number {
  const rows = Math.max(LEAST_ROWS, Math.floor(CELLS / columns) - SPARE_ROWS);
  return Math.min(TABLE_HEIGHT, (rows + 2) * ROW);
}

/** A number; a difference has an arrow, and a star where it is more than chance. */
function NumberCell({ column, row }: { column: Column; row: number }) {
  const { text, title, change, why, significant } = column.cell(row);
  const judgement = change === undefined ? "none" : judge(column.metric, change);
  const words = [
    why,
    judgement === "better" || judgement === "worse" ? judgement : "",
    significant ? "more than chance" : "",
  ].filter(Boolean);
  return (
    <span title={title} class={significant === false ? "dim" : judgement}>
      {ARROWS[judgement]} {text}
      {significant && " *"}
      {words.length > 0 && <span class="hidden"> ({words.join(", ")})</span>}
    </span>
  );
}
