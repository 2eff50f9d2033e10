import type { Metric } from "../report/contract";
import type { Structured, Values } from "../report/model";
import type { Key } from "../report/slices";

/** A metric of the exported rows. */
export interface ExportColumn {
  metric: Metric;
  values: Values | undefined;
  structured(row: number): Structured | undefined;
}

/** What is exported: the slices of rows, with some of their metrics. */
export interface ExportTable {
  rows: Int32Array;
  names: readonly string[];
  keys: readonly Key[];
  columns: readonly ExportColumn[];
}

/** As RFC 4180 has it; what spreadsheets would take for a formula is text. */
export function toCsv(table: ExportTable): string {
  return `${lines(table, csvField).join("\r\n")}\r\n`;
}

/** For pasting into a spreadsheet. */
export function toTabbed(table: ExportTable): string {
  return lines(table, (field) => harmless(field).replace(/[\t\r\n]+/g, " "), "\t").join("\n");
}

/** A list of objects; numbers that JSON does not have are null, with the reason beside. */
export function toJson({ rows, names, keys, columns }: ExportTable): string {
  const records = Array.from(rows, (row) => ({
    slice: names[row],
    key: Object.fromEntries(keys[row] ?? []),
    metrics: Object.fromEntries(
      columns.map(({ metric, values, structured }) => [
        metric.id,
        structured(row) ?? {
          value: finite(values?.v[row]),
          ...(values?.lo && !Number.isNaN(values.lo[row])
            ? { lower: finite(values.lo[row]), upper: finite(values.hi![row]) }
            : {}),
          ...(values?.why.has(row) ? { why: values.why.get(row) } : {}),
        },
      ]),
    ),
  }));
  return JSON.stringify(records, null, 1);
}

function lines(
  { rows, names, columns }: ExportTable,
  write: (field: string) => string,
  separator = ",",
): string[] {
  const head = ["slice"];
  for (const { metric, values } of columns) {
    head.push(metric.id);
    if (values?.lo) head.push(`${metric.id} lower`, `${metric.id} upper`);
  }
  const out = [head.map(write).join(separator)];
  for (const row of rows) {
    const fields = [write(names[row] ?? "")];
    for (const { values, structured } of columns) {
      const other = structured(row);
      if (other) fields.push(write(JSON.stringify(other)));
      else if (values?.why.has(row)) fields.push(write(values.why.get(row)!));
      else fields.push(numberText(values?.v[row]));
      if (values?.lo) fields.push(numberText(values.lo[row]), numberText(values.hi![row]));
    }
    out.push(fields.join(separator));
  }
  return out;
}

function csvField(text: string): string {
  const safe = harmless(text);
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** With an apostrophe in front, spreadsheets compute nothing; `-Infinity` and the like are harmless. */
function harmless(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
}

function numberText(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "" : String(value);
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
