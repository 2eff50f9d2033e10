import { LineSample } from "../../charts/series_lines";
import { areaUnderRoc, averagePrecision, nearest } from "../../logic/curve";
import { formatValue } from "../../logic/format";
import { type CurveSeries, curvesOf, keyOf, RATE_NAMES } from "./threshold_plots";
import type { PlotsView } from "./view";

/** A column: title and cells from one place. */
interface Column {
  title: string;
  value(one: CurveSeries, index: number): number;
}

const COLUMNS: readonly Column[] = [
  { title: "AUC", value: ({ curve }) => areaUnderRoc(curve) },
  { title: "Average precision", value: ({ curve }) => averagePrecision(curve) },
  { title: "At threshold", value: ({ curve }, index) => curve.threshold[index]! },
  ...(["precision", "recall", "fpr", "f1", "accuracy", "share"] as const).map((rate) => ({
    title: RATE_NAMES[rate],
    value: ({ rates }: CurveSeries, index: number) => rates[rate][index]!,
  })),
  ...(["tp", "fp", "fn", "tn"] as const).map((count) => ({
    title: count.toUpperCase(),
    value: ({ curve }: CurveSeries, index: number) => curve[count][index]!,
  })),
];

/** The numbers of all series at the threshold. */
export function ThresholdTable({ view }: { view: PlotsView }) {
  const curves = curvesOf(view);
  if (curves.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too
    <div class="class-scroll" tabIndex={0} role="region" aria-label="Numbers at the threshold">
      <table class="numbers" aria-label="Numbers at the threshold">
        <thead>
          <tr>
            <th scope="col">Slice</th>
            {COLUMNS.map(({ title }) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {curves.map((one) => {
            const index = nearest(one.curve, view.threshold);
            return (
              <tr key={keyOf(one.series)}>
                <th scope="row">
                  <LineSample place={one.series.place} dashed={one.series.isBase} />
                  <bdi>{one.series.label}</bdi>
                </th>
                {COLUMNS.map(({ title, value }) => (
                  <td key={title}>{formatValue(value(one, index))}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
