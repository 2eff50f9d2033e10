import type { ComponentType } from "preact";
import type { PlotType } from "../../logic/plot_series";
import { useStore } from "../../state/use";
import { Empty } from "../../ui/empty";
import { CalibrationPlot, DistributionPlot, ResidualPlot } from "./calibration_plots";
import { MultiClassPlot, MultiLabelPlot } from "./class_plot";
import { Controls, SeriesLegend } from "./controls";
import {
  CountsPlot,
  GainPlot,
  type PlotProps,
  PrecisionRecallPlot,
  RatesPlot,
  RocPlot,
} from "./threshold_plots";
import { ThresholdTable } from "./threshold_table";
import { useView } from "./view";

interface Kind {
  id: string;
  title: string;
  type: PlotType;
  view: ComponentType<PlotProps>;
}

const KINDS: readonly Kind[] = [
  { id: "roc", title: "ROC curve", type: "thresholds", view: RocPlot },
  { id: "pr", title: "Precision and recall", type: "thresholds", view: PrecisionRecallPlot },
  { id: "rates", title: "Rates by threshold", type: "thresholds", view: RatesPlot },
  { id: "counts", title: "Confusion matrix", type: "thresholds", view: CountsPlot },
  { id: "gain", title: "Gain", type: "thresholds", view: GainPlot },
  { id: "calibration", title: "Calibration", type: "calibration", view: CalibrationPlot },
  { id: "residual", title: "Residual", type: "calibration", view: ResidualPlot },
  {
    id: "distribution",
    title: "Prediction distribution",
    type: "calibration",
    view: DistributionPlot,
  },
  {
    id: "classes",
    title: "Multi-class confusion matrix",
    type: "multi_class",
    view: MultiClassPlot,
  },
  {
    id: "labels",
    title: "Multi-label confusion matrix",
    type: "multi_label",
    view: MultiLabelPlot,
  },
];

/** The plots of some slices, all of them small or one of them large, with one threshold for all. */
export function PlotsScreen() {
  const store = useStore();
  const view = useView(store);
  if (!view) return <Empty>There is no run to show.</Empty>;
  const kinds = KINDS.filter(({ type }) => view.series.some(({ plots }) => plots.has(type)));
  const large = kinds.find(({ id }) => id === store.state.value.p);
  return (
    <div class="plots">
      <Controls view={view} kinds={kinds} />
      {view.series.length > 1 && <SeriesLegend view={view} />}
      {kinds.length === 0 && <Empty>{whyNone(view.offered.length)}</Empty>}
      <div class={large ? "plot-cards one" : "plot-cards"}>
        {(large ? [large] : kinds).map(({ id, view: View }) => (
          <View key={id} view={view} isLarge={large !== undefined} />
        ))}
      </div>
      <ThresholdTable view={view} />
    </div>
  );
}

function whyNone(offered: number): string {
  return offered > 0
    ? "The plots of this slice are not here, and nobody can be asked for them. Choose another slice."
    : "No slice of this run has plots. Plots are made where the evaluation asks for them, for instance of calibration or of the confusion matrix at thresholds.";
}
