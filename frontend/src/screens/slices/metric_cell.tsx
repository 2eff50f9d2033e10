import type { GridCell } from "../../grid/grid";
import { formatCell, formatDifference, formatHalf } from "../../logic/cell_format";
import { halfInterval } from "../../logic/difference";
import { ARROWS, judge } from "../../logic/direction";
import { formatFull, formatPercent } from "../../logic/format";
import { shortForm } from "../../logic/structured";
import type { Metric } from "../../report/contract";
import type { Values } from "../../report/model";
import type { SlicesView } from "./view";

const SIGNS: Record<string, string> = { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" };

/** A value with half its interval and its difference. */
export function metricCell(view: SlicesView, metric: Metric, row: number): GridCell {
  const values = view.values(metric.id);
  const structured = view.store.model.complex(view.run.value, metric.id, row);
  if (structured) {
    const text = shortForm(structured);
    return {
      content: <span class="grid-label">{text}</span>,
      title: `${text}: select the slice to see all of it`,
      class: "dim",
    };
  }
  const value = values?.v[row] ?? Number.NaN;
  if (Number.isNaN(value)) return missingCell(values, row);
  const half = halfInterval(values, row);
  // an interval as wide as all slices lie apart says next to nothing
  const isVague = half > 2 * view.spread(metric.id);
  return {
    content: (
      <>
        <span class={isVague ? "dim" : ""}>{formatCell(value, metric.kind === "count")}</span>
        {values?.lo && <i>{Number.isNaN(half) ? "" : `±${formatHalf(half)}`}</i>}
        {view.compares(metric) && (
          <Difference metric={metric} change={value - view.reference(metric, row)} />
        )}
      </>
    ),
    title: fullText(values!, row),
  };
}

function missingCell(values: Values | undefined, row: number): GridCell {
  const why = values?.why.get(row);
  return {
    content: <span class="grid-label">{why ? (SIGNS[why] ?? why) : "–"}</span>,
    title: why ?? "no value",
    class: "dim",
  };
}

/** A difference: its size, and whether it is for the better. */
export function Difference({ metric, change }: { metric: Metric; change: number }) {
  // keeps its place
  if (Number.isNaN(change)) return <b />;
  const judgement = judge(metric, change);
  return (
    <b class={judgement} title={`difference: ${formatFull(change)}`}>
      {ARROWS[judgement]} {formatDifference(change, metric.kind === "count")}
    </b>
  );
}

/** A value with all its digits, its interval, and what that is. */
export function fullText(values: Values, row: number): string {
  const value = formatFull(values.v[row]!);
  if (!values.lo || Number.isNaN(values.lo[row])) return value;
  const { level, method } = values;
  const kind = [
    level && formatPercent(level),
    "interval",
    method && `(${method.replaceAll("_", " ")})`,
  ];
  const bounds = `[${formatFull(values.lo[row]!)}, ${formatFull(values.hi![row]!)}]`;
  return `${value}, ${kind.filter(Boolean).join(" ")} ${bounds}`;
}
