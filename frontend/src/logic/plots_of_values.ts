import type { Plot } from "../report/contract";
import type { Model, Structured } from "../report/model";

const COUNTS = {
  tp: "truePositives",
  fp: "falsePositives",
  tn: "trueNegatives",
  fn: "falseNegatives",
} as const;

type Entry = Record<string, unknown>;

/** The metrics of a run whose values can be drawn as plots. */
export function drawableMetrics(model: Model, run: string): string[] {
  return model.complexOf(run).filter((metric) => model.metrics.get(metric)?.kind === "matrix");
}

/** Whether a slice has values that can be drawn as plots. */
export function hasPlotValues(model: Model, run: string, row: number): boolean {
  return drawableMetrics(model, run).some((metric) => model.complex(run, metric, row));
}

const made = new WeakMap<Structured, Plot | undefined>();

/** Plots made of a slice's structured values: confusion matrices at thresholds. */
export function plotsOfValues(model: Model, run: string, slice: string): Plot[] {
  const row = model.slices.row(slice);
  if (row === undefined) return [];
  return drawableMetrics(model, run).flatMap((id) => {
    const value = model.complex(run, id, row);
    if (!value) return [];
    if (!made.has(value)) {
      const key = model.metrics.get(id)?.key;
      const found = columnsOf(value);
      const named = { name: key?.name ?? id, output: key?.output, sub_key: key?.sub_key };
      made.set(value, found && { run, slice, ...named, ...found });
    }
    return made.get(value) ?? [];
  });
}

function columnsOf(value: Structured): Pick<Plot, "type" | "columns"> | undefined {
  const binary = matricesOf(value.confusionMatrixAtThresholds);
  if (binary) {
    return { type: "thresholds", columns: columns(binary, { threshold: "threshold", ...COUNTS }) };
  }
  const classes = matricesOf(value.multiClassConfusionMatrixAtThresholds);
  if (!classes) return undefined;
  const entries = classes.flatMap((matrix) => {
    const list = Array.isArray(matrix.entries) ? (matrix.entries as Entry[]) : [];
    return list.map((entry) => ({ ...entry, threshold: matrix.threshold }));
  });
  const fields = {
    threshold: "threshold",
    actual: "actualClassId",
    predicted: "predictedClassId",
    weight: "numWeightedExamples",
  };
  return { type: "multi_class", columns: columns(entries, fields) };
}

function matricesOf(value: unknown): Entry[] | undefined {
  const matrices = (value as { matrices?: unknown } | undefined)?.matrices;
  return Array.isArray(matrices) && matrices.length > 0 ? (matrices as Entry[]) : undefined;
}

function columns(entries: readonly Entry[], fields: Record<string, string>): Plot["columns"] {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      // proto3 JSON leaves zeros out
      entries.map((entry) => Number(entry[field] ?? 0)),
    ]),
  );
}
