import type { GridCell, GridColumn } from "../../grid/grid";
import { against, formatAgainst, type How, halfWidth } from "../../logic/against";
import { formatFull, formatValue, shorten } from "../../logic/format";
import { naturalRanks } from "../../logic/natural";
import type { RunDifference } from "../../logic/run_differences";
import type { Metric, Run } from "../../report/contract";
import type { Model, Values } from "../../report/model";
import { Change } from "../../ui/change";

/** A column of the table: what heads it, what its rows are sorted by, and its cells, all in one. */
export interface CompareColumn extends GridColumn {
  values: Float64Array;
  cell(row: number): GridCell;
}

/** The columns for two runs: the slice, its examples, and for each metric what the runs have and differ by. */
export function columnsOf(
  model: Model,
  run: Run,
  base: Run,
  differences: readonly RunDifference[],
  how: How,
): CompareColumn[] {
  const isAlone = differences.length === 1;
  return [
    sliceColumn(model),
    ...differences.flatMap((difference) => {
      const columns = [
        valueColumn("run", run, difference, difference.ours),
        valueColumn("base", base, difference, difference.theirs),
        differenceColumn(run, base, difference, how),
        sizeColumn(difference),
      ];
      return isAlone ? columns : columns.map((column) => named(column, difference.metric));
    }),
    ...countColumns(model, run, base),
  ];
}

/** A column whose head tells the metric, too. */
function named(column: CompareColumn, { label }: Metric): CompareColumn {
  const head = `${shorten(label, 30)} · ${column.label}`;
  return { ...column, label: head, width: Math.max(column.width, head.length * 7.4 + 24) };
}

function sliceColumn(model: Model): CompareColumn {
  const { names } = model.slices;
  return {
    id: "slice",
    label: "Slice",
    width: 150,
    values: naturalRanks(names),
    cell: (row) => ({ content: names[row], title: names[row]! }),
  };
}

function countColumns(model: Model, run: Run, base: Run): CompareColumn[] {
  const { weight } = model.source;
  if (weight === undefined) return [];
  const label = model.metrics.get(weight)?.label ?? weight;
  const column = (id: string, one: Run, whose: string): CompareColumn[] => {
    const values = model.column(one.id, weight)?.v;
    if (!values) return [];
    const title = `${label} in ${one.name}`;
    const cell = (row: number): GridCell => number(formatValue(values[row]), String(values[row]));
    return [{ id, label: `Examples, ${whose}`, title, width: 140, values, cell }];
  };
  return [...column("n:run", run, "run"), ...column("n:base", base, "baseline")];
}

function valueColumn(
  side: "run" | "base",
  run: Run,
  { metric }: RunDifference,
  values: Values | undefined,
): CompareColumn {
  return {
    id: `${side}:${metric.id}`,
    label: side === "run" ? "Run" : "Baseline run",
    title: `${metric.label} in ${run.name}`,
    width: 130,
    values: values?.v ?? new Float64Array(0),
    cell: (row) => {
      const value = values?.v[row] ?? Number.NaN;
      const why = values?.why.get(row);
      return {
        content: (
          <>
            {formatValue(value)}
            <PlusMinus half={halfWidth(values, row)} />
          </>
        ),
        title: why ?? formatFull(value),
        class: "number",
      };
    },
  };
}

function differenceColumn(
  run: Run,
  base: Run,
  { metric, ours, theirs, amount, change, half, ratio }: RunDifference,
  how: How,
): CompareColumn {
  return {
    id: `diff:${metric.id}`,
    label: how === "ratio" ? "Run ÷ baseline" : "Run − baseline",
    title: `${metric.label}: ${run.name} against ${base.name}`,
    width: 156,
    values: amount,
    cell: (row) => {
      const { why } = against(ours?.v[row] ?? Number.NaN, theirs?.v[row] ?? Number.NaN, how);
      if (Number.isNaN(amount[row])) return number("–", why);
      const isNoise = ratio[row]! <= 1;
      return {
        content: (
          <>
            <Change
              metric={isNoise ? undefined : metric}
              change={change[row]!}
              text={formatAgainst(amount[row]!, how)}
            />
            {how === "abs" && <PlusMinus half={half[row]!} />}
          </>
        ),
        title: isNoise ? "No more than the intervals explain" : formatFull(amount[row]!),
        class: isNoise ? "number dim" : "number",
      };
    },
  };
}

/** How many times its interval a change is; without intervals, how large it is. */
function sizeColumn({ metric, ratio, change, hasIntervals }: RunDifference): CompareColumn {
  const values = hasIntervals ? ratio : change.map(Math.abs);
  return {
    id: `size:${metric.id}`,
    label: hasIntervals ? "Beyond noise" : "|Difference|",
    title: hasIntervals
      ? `|difference| of ${metric.label} ÷ half its interval: above 1 the intervals do not explain it`
      : `|difference| of ${metric.label}; no intervals were computed`,
    width: 134,
    values,
    cell: (row) => {
      const value = values[row]!;
      if (!hasIntervals || Number.isNaN(value)) return number(formatValue(value));
      const times = Number.isFinite(value) ? `${value.toFixed(1)} ×` : "∞";
      return number(value > 1 ? `yes, ${times}` : `no, ${times}`);
    },
  };
}

function PlusMinus({ half }: { half: number }) {
  if (Number.isNaN(half)) return null;
  return <span class="dim"> ±{formatValue(Number(half.toPrecision(2)))}</span>;
}

function number(content: string, title?: string): GridCell {
  return { content, class: "number", ...(title ? { title } : {}) };
}
