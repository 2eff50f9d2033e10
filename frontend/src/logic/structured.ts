import type { Structured } from "../report/model";
import { type ClassMatrix, NONE } from "./class_matrix";
import { formatValue, plural, shorten } from "./format";

/** A structured value as tables. */
export type Shown =
  | { kind: "table"; head: string[]; rows: string[][] }
  | { kind: "classes"; matrices: AtThreshold[] }
  | { kind: "text"; text: string };

/** A multi-class confusion matrix; classes in numeric order, 0 where there were none. */
export interface AtThreshold {
  threshold: number;
  matrix: ClassMatrix;
}

const RATES = [
  ["threshold", "Threshold"],
  ["precision", "Precision"],
  ["recall", "Recall"],
  ["truePositives", "TP"],
  ["trueNegatives", "TN"],
  ["falsePositives", "FP"],
  ["falseNegatives", "FN"],
] as const;

/** A value, proto3 JSON of microtome.MetricValue, for a table's cell. */
export function shortForm(value: Structured): string {
  const shown = structuredTables(value);
  switch (shown.kind) {
    case "classes": {
      const [first] = shown.matrices;
      return first ? `${first.matrix.size} × ${first.matrix.width} classes` : "no matrix";
    }
    case "table":
      return "valueAtCutoffs" in value
        ? listed(shown.rows.map(([cutoff, number]) => `@${cutoff} ${number}`))
        : plural(shown.rows.length, "threshold");
    default:
      return shorten(shown.text, 40);
  }
}

/** A value, proto3 JSON of microtome.MetricValue, in full. */
export function structuredTables(value: Structured): Shown {
  const thresholds = field(value, "confusionMatrixAtThresholds");
  if (thresholds) return thresholdTable(list(thresholds, "matrices"));
  const classes = field(value, "multiClassConfusionMatrixAtThresholds");
  if (classes) return { kind: "classes", matrices: list(classes, "matrices").map(classMatrix) };
  const cutoffs = field(value, "valueAtCutoffs");
  if (cutoffs) return cutoffTable(list(cutoffs, "values"));
  const array = field(value, "arrayValue");
  if (array) return { kind: "text", text: arrayText(array) };
  if (typeof value.bytesValue === "string")
    return { kind: "text", text: bytesText(value.bytesValue) };
  if (typeof value.debugMessage === "string") return { kind: "text", text: value.debugMessage };
  return { kind: "text", text: JSON.stringify(value) };
}

function thresholdTable(matrices: Structured[]): Shown {
  // proto3 JSON leaves out what is 0
  const read = (matrix: Structured, name: string): string => formatValue(number(matrix[name] ?? 0));
  return {
    kind: "table",
    head: RATES.map(([, label]) => label),
    rows: matrices.map((matrix) => RATES.map(([name]) => read(matrix, name))),
  };
}

function cutoffTable(values: Structured[]): Shown {
  const rows = values.map((pair) => {
    const bounded = field(pair, "boundedValue");
    const value = number(pair.value ?? bounded?.value ?? 0);
    const interval = bounded
      ? [`${formatValue(number(bounded.lowerBound))} … ${formatValue(number(bounded.upperBound))}`]
      : [];
    return [String(number(pair.cutoff ?? 0)), formatValue(value), ...interval];
  });
  const head = rows.some((row) => row.length > 2)
    ? ["Cutoff", "Value", "Interval"]
    : ["Cutoff", "Value"];
  return { kind: "table", head, rows };
}

function classMatrix(matrix: Structured): AtThreshold {
  const entries = list(matrix, "entries").map((entry) => ({
    actual: number(entry.actualClassId ?? 0),
    predicted: number(entry.predictedClassId ?? 0),
    count: number(entry.numWeightedExamples ?? 0),
  }));
  const ids = new Set(entries.flatMap(({ actual, predicted }) => [actual, predicted]));
  const hasNone = ids.delete(NONE);
  const classes = [...ids].sort((one, other) => one - other);
  const width = classes.length + (hasNone ? 1 : 0);
  const places = new Map(classes.map((id, place) => [id, place]));
  const cells = new Float64Array(classes.length * width);
  const rowTotals = new Float64Array(classes.length);
  for (const { actual, predicted, count } of entries) {
    const row = places.get(actual);
    if (row === undefined) continue;
    cells[row * width + (places.get(predicted) ?? classes.length)]! += count;
    rowTotals[row]! += count;
  }
  return {
    threshold: number(matrix.threshold ?? 0),
    matrix: { classes, size: classes.length, hasNone, width, cells, rowTotals },
  };
}

function arrayText(array: Structured): string {
  const values = Object.entries(array).find(
    ([name, found]) => /Values$/.test(name) && Array.isArray(found),
  );
  if (!values) return "[]";
  const isBytes = values[0] === "bytesValues";
  const texts = (values[1] as unknown[]).map((one) =>
    isBytes ? bytesText(String(one)) : formatValue(number(one)),
  );
  const shape = Array.isArray(array.shape) ? array.shape.join(" × ") : String(texts.length);
  return `[${texts.join(", ")}]${texts.length > 3 ? ` (${shape})` : ""}`;
}

/** Bytes, in base64, as the text that they most likely are. */
function bytesText(base64: string): string {
  try {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return base64;
  }
}

function listed(texts: string[]): string {
  return texts.length > 3 ? `${texts.slice(0, 3).join(", ")} …` : texts.join(", ");
}

function field(value: Structured, name: string): Structured | undefined {
  const found = value[name];
  return typeof found === "object" && found !== null ? (found as Structured) : undefined;
}

function list(value: Structured, name: string): Structured[] {
  const found = value[name];
  return Array.isArray(found) ? (found as Structured[]) : [];
}

/** A number of proto3 JSON, which may be a text, or wrapped. */
function number(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "string") return Number(value);
  if (typeof value === "object" && value !== null) return number((value as Structured).value);
  return Number.NaN;
}
