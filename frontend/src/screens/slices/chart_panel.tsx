import { CHARTS } from "../../state/state";
import { Empty } from "../../ui/empty";
import { RadioGroup, Select } from "../../ui/fields";
import { HistogramPanel } from "./histogram_panel";
import { MatrixPanel } from "./matrix_panel";
import { OverviewPanel } from "./overview_panel";
import { ScatterPanel } from "./scatter_panel";
import { useView } from "./use_view";

const LABELS = { overview: "Overview", hist: "Histogram", matrix: "Matrix", scatter: "Scatter" };
const PANELS = {
  overview: OverviewPanel,
  hist: HistogramPanel,
  matrix: MatrixPanel,
  scatter: ScatterPanel,
};

/** One chart of the slices that pass the filters. */
export function ChartPanel() {
  const view = useView();
  const chart = view.chart.value;
  const Panel = PANELS[chart];
  return (
    <section class="slices-chart" aria-label="Chart">
      {view.chartMetric.value ? (
        <>
          {/* beside the panels, not in them: the focus stays when the chart changes */}
          <div class="chart-kinds">
            <RadioGroup
              label="Chart"
              value={chart}
              options={CHARTS.map((value) => ({ value, label: LABELS[value] }))}
              onChange={(c) => view.store.set({ c })}
            />
          </div>
          <Panel />
        </>
      ) : (
        <Empty>No metric here is a number that a chart could show.</Empty>
      )}
    </section>
  );
}

/** The metric that the chart is of. */
export function ChartMetric() {
  const view = useView();
  return (
    <Select
      label="Chart metric"
      value={view.chartMetric.value?.id ?? ""}
      options={view.numeric.value.map(({ id, label }) => ({ value: id, label }))}
      onChange={(x) => view.store.set({ x })}
    />
  );
}
