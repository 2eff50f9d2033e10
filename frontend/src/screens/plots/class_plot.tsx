import { ClassMatrixChart } from "../../charts/class_matrix";
import {
  MODES,
  type Mode,
  matrixAt,
  ORDERS,
  type Order,
  thresholdFor,
  thresholdsOf,
} from "../../logic/class_matrix";
import { formatValue } from "../../logic/format";
import { option, withOption } from "../../logic/options";
import { useStore } from "../../state/use";
import { Checkbox, NumberField, Select } from "../../ui/fields";
import { PlotCard } from "./plot_card";
import { keyOf, type PlotProps } from "./threshold_plots";
import { seriesWith } from "./view";

const ORDER_NAMES: Record<Order, string> = {
  class: "Class",
  total: "Total",
  correct: "Correct",
  incorrect: "Incorrect",
  fn: "False negatives",
  none: "No prediction",
};

const MODE_NAMES: Record<Mode, string> = {
  total: "All predictions",
  incorrect: "Incorrect predictions",
  fn: "False negatives",
};

const MODE_NOUNS: Record<Mode, string> = {
  total: "predictions",
  incorrect: "incorrect predictions",
  fn: "labels not predicted",
};

const MAX_CLASSES = 64;
/** With more classes than this the matrix is compact unless it is asked not to be. */
const COMPACT_FROM = 21;

export function MultiClassPlot(props: PlotProps) {
  return (
    <ClassPlot {...props} id="classes" title="Multi-class confusion matrix" type="multi_class" />
  );
}

export function MultiLabelPlot(props: PlotProps) {
  return (
    <ClassPlot {...props} id="labels" title="Multi-label confusion matrix" type="multi_label" />
  );
}

interface Props extends PlotProps {
  id: string;
  title: string;
  type: "multi_class" | "multi_label";
}

function ClassPlot({ view, isLarge, id, title, type }: Props) {
  const store = useStore();
  const { po, thr } = store.state.value;
  const all = seriesWith(view, type);
  const shown = all.find(({ series }) => keyOf(series) === option(po, "of")) ?? all[0]!;
  const thresholds = thresholdsOf(shown.plot);
  const threshold = thresholdFor(thresholds, thr[0]);
  const order = ORDERS.find((one) => one === option(po, "sort")) ?? "class";
  const mode = MODES.find((one) => one === option(po, "mode")) ?? "total";
  const limit = Number(option(po, "n") || MAX_CLASSES);
  const matrix = matrixAt(shown.plot, threshold, order, mode, limit);
  const compact = option(po, "compact") ?? (matrix.classes.length >= COMPACT_FROM ? "1" : "0");
  const percent = option(po, "percent") !== undefined;
  const set = (name: string, value: string | undefined): void =>
    store.set({ po: withOption(po, name, value) });
  const isLabels = type === "multi_label";
  const orders = ORDERS.filter(
    (one) => (one !== "fn" || isLabels) && (one !== "none" || matrix.hasNone),
  );
  const tools = (
    <>
      {all.length > 1 && (
        <Select
          label="Matrix of"
          value={keyOf(shown.series)}
          options={all.map(({ series }) => ({ value: keyOf(series), label: series.label }))}
          onChange={(value) => set("of", value)}
        />
      )}
      {thresholds.length > 1 && (
        <Select
          label="Matrix threshold"
          value={String(threshold)}
          options={thresholds.map((one) => ({ value: String(one), label: formatValue(one) }))}
          onChange={(value) => view.choose(Number(value))}
        />
      )}
      <Select
        label="Sort classes by"
        value={order}
        options={orders.map((value) => ({ value, label: ORDER_NAMES[value] }))}
        onChange={(value) => set("sort", value === "class" ? undefined : value)}
      />
      {isLabels && (
        <Select
          label="Cells count"
          value={mode}
          options={MODES.map((value) => ({ value, label: MODE_NAMES[value] }))}
          onChange={(value) => set("mode", value === "total" ? undefined : value)}
        />
      )}
      <NumberField
        label="Number of classes"
        value={matrix.classes.length}
        min={1}
        max={Math.max(1, Math.min(matrix.size, MAX_CLASSES))}
        onChange={(value) => set("n", String(Math.round(value)))}
      />
      <Checkbox
        label="Percentages of the row"
        checked={percent}
        onChange={(isOn) => set("percent", isOn ? "" : undefined)}
      />
      <Checkbox
        label="Compact"
        checked={compact === "1"}
        onChange={(isOn) => set("compact", isOn ? "1" : "0")}
      />
    </>
  );
  const noun = isLabels ? MODE_NOUNS[mode] : "examples";
  const at = threshold === undefined ? "" : `, threshold ${formatValue(threshold)}`;
  const count =
    matrix.classes.length < matrix.size
      ? `${matrix.classes.length} of ${matrix.size} classes`
      : `${matrix.size} classes`;
  return (
    <PlotCard
      id={id}
      title={title}
      isLarge={isLarge}
      isWide
      tools={tools}
      words={`${shown.series.label}${at}: ${count}; cells count ${noun}, colours tell their share of the row`}
    >
      <ClassMatrixChart
        label={`${title} of ${shown.series.label}`}
        matrix={matrix}
        percent={percent}
        compact={compact === "1"}
        noun={noun}
      />
    </PlotCard>
  );
}
