import { LineSample, PointMark, SeriesLines } from "../../charts/series_lines";
import { type AxisSpec, type Frame, XyChart } from "../../charts/xy_chart";
import {
  areaUnderRoc,
  averagePrecision,
  type Curve,
  curveOf,
  gainAt,
  nearest,
  type Rate,
  type Rates,
  ratesOf,
} from "../../logic/curve";
import { formatPercent, formatValue } from "../../logic/format";
import { option, withOption } from "../../logic/options";
import type { PlotSeries } from "../../logic/plot_series";
import { useStore } from "../../state/use";
import { RadioGroup } from "../../ui/fields";
import { heightOf, PlotCard } from "./plot_card";
import { type PlotsView, seriesWith } from "./view";

export interface PlotProps {
  view: PlotsView;
  isLarge: boolean;
}

export interface CurveSeries {
  series: PlotSeries;
  curve: Curve;
  rates: Rates;
}

export const RATE_NAMES: Record<Rate, string> = {
  precision: "Precision",
  recall: "Recall",
  fpr: "False positive rate",
  f1: "F1",
  accuracy: "Accuracy",
  share: "Predicted positive",
};

const UNIT = [0, 1] as const;

export function curvesOf(view: PlotsView): CurveSeries[] {
  return seriesWith(view, "thresholds").map(({ series, plot }) => {
    const curve = curveOf(plot);
    return { series, curve, rates: ratesOf(curve) };
  });
}

export function keyOf({ run, slice }: PlotSeries): string {
  return `${run.id} ${slice}`;
}

/** A line of words a series; its name stands before where there are several. */
export function wordsOf(list: readonly { series: PlotSeries; words: string }[]): string[] {
  return list.map(({ series, words }) => (list.length > 1 ? `${series.label}: ${words}` : words));
}

export function RocPlot(props: PlotProps) {
  const curves = curvesOf(props.view);
  const words = wordsOf(
    curves.map(({ series, curve }) => ({
      series,
      words: `AUC ${formatValue(areaUnderRoc(curve))} by trapezoids`,
    })),
  );
  return (
    <RatePlot
      {...props}
      id="roc"
      title="ROC curve"
      curves={curves}
      x="fpr"
      y="recall"
      words={words}
      reference="Random"
    />
  );
}

export function PrecisionRecallPlot(props: PlotProps) {
  const curves = curvesOf(props.view);
  const words = wordsOf(
    curves.map(({ series, curve }) => ({
      series,
      words: `average precision ${formatValue(averagePrecision(curve))}`,
    })),
  );
  return (
    <RatePlot
      {...props}
      id="pr"
      title="Precision and recall"
      curves={curves}
      x="recall"
      y="precision"
      words={words}
    />
  );
}

export function GainPlot(props: PlotProps) {
  const curves = curvesOf(props.view);
  const words = wordsOf(
    curves.map(({ series, curve }) => ({
      series,
      words: `${formatPercent(gainAt(curve, 0.1))} of the positives are in the top 10 %, ${formatPercent(gainAt(curve, 0.2))} in the top 20 %`,
    })),
  );
  return (
    <RatePlot
      {...props}
      id="gain"
      title="Gain"
      curves={curves}
      x="share"
      y="recall"
      names={{ x: "Examples with the highest predictions", y: "Positives among them" }}
      words={words}
      reference="Random"
    />
  );
}

interface RatePlotProps extends PlotProps {
  id: string;
  title: string;
  curves: readonly CurveSeries[];
  x: Rate;
  y: Rate;
  names?: { x: string; y: string };
  words: readonly string[];
  /** What the diagonal means; no diagonal without. */
  reference?: string;
}

/** One rate against another, along the thresholds. */
function RatePlot({
  view,
  isLarge,
  id,
  title,
  curves,
  x,
  y,
  names,
  words,
  reference,
}: RatePlotProps) {
  const lines = curves.map(({ series, rates }) => ({
    key: keyOf(series),
    place: series.place,
    dashed: series.isBase,
    x: rates[x],
    y: rates[y],
  }));
  const named = names ?? { x: RATE_NAMES[x], y: RATE_NAMES[y] };
  const hits = curves.map((one) => ({
    x: one.rates[x],
    y: one.rates[y],
    text: (index: number) => tell(one, index, [y, x], [named.y, named.x]),
  }));
  const at = (one: CurveSeries): number => nearest(one.curve, view.threshold);
  return (
    <PlotCard id={id} title={title} isLarge={isLarge} words={words}>
      <div class={isLarge ? "square" : ""}>
        <XyChart
          summary={`${title} of ${curves.map(({ series }) => series.label).join(", ")}: ${words.join("; ")}.`}
          height={heightOf(isLarge)}
          x={{ domain: UNIT, label: named.x }}
          y={{ domain: UNIT, label: named.y }}
          hits={hits}
          onHit={(hit) => view.hover(hit ? curves[hit.of]!.curve.threshold[hit.index]! : null)}
          onPick={(hit) => view.choose(curves[hit.of]!.curve.threshold[hit.index]!)}
        >
          {(frame) => (
            <>
              {reference && <Diagonal frame={frame} label={reference} />}
              <SeriesLines lines={lines} frame={frame} />
              {curves.map((one) => (
                <PointMark
                  key={keyOf(one.series)}
                  place={one.series.place}
                  dashed={one.series.isBase}
                  x={frame.x(one.rates[x][at(one)]!)}
                  y={frame.y(one.rates[y][at(one)]!)}
                />
              ))}
            </>
          )}
        </XyChart>
      </div>
    </PlotCard>
  );
}

function tell(
  { series, curve }: CurveSeries,
  index: number,
  rates: readonly Rate[],
  names: readonly string[],
): string[] {
  const all = ratesOf(curve);
  return [
    series.label,
    `Threshold ${formatValue(curve.threshold[index])}`,
    ...rates.map((rate, place) => {
      return `${names[place] ?? RATE_NAMES[rate]} ${formatValue(all[rate][index])}`;
    }),
  ];
}

function Diagonal({ frame, label }: { frame: Frame; label: string }) {
  const { x, y } = frame;
  return (
    <>
      <line class="reference" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
      <text x={x(0.6)} y={y(0.5)}>
        {label}
      </text>
    </>
  );
}

const SHOWN_RATES = ["precision", "recall", "f1", "accuracy"] as const;
type ShownRate = (typeof SHOWN_RATES)[number];

/** Precision, recall, F1 and accuracy against the threshold; one of them where there are several series. */
export function RatesPlot({ view, isLarge }: PlotProps) {
  const store = useStore();
  const curves = curvesOf(view);
  const { po } = store.state.value;
  const several = curves.length > 1;
  const chosen = SHOWN_RATES.find((rate) => rate === option(po, "rate")) ?? "f1";
  const shown = several
    ? curves.map((one) => ({
        one,
        rate: chosen,
        place: one.series.place,
        dashed: one.series.isBase,
      }))
    : SHOWN_RATES.flatMap((rate, place) =>
        curves.map((one) => ({ one, rate, place, dashed: false })),
      );
  const hits = shown.map(({ one, rate }) => ({
    x: one.curve.threshold,
    y: one.rates[rate],
    text: (index: number) => tell(one, index, several ? [rate] : SHOWN_RATES, []),
  }));
  const lines = shown.map(({ one, rate, place, dashed }) => ({
    key: `${rate} ${keyOf(one.series)}`,
    place,
    dashed,
    x: one.curve.threshold,
    y: one.rates[rate],
  }));
  const title = "Rates by threshold";
  return (
    <PlotCard
      id="rates"
      title={title}
      isLarge={isLarge}
      tools={
        several ? (
          <RadioGroup<ShownRate>
            label="Rate"
            value={chosen}
            options={SHOWN_RATES.map((rate) => ({ value: rate, label: RATE_NAMES[rate] }))}
            onChange={(rate) => store.set({ po: withOption(po, "rate", rate) })}
          />
        ) : (
          <ul class="legend">
            {SHOWN_RATES.map((rate, place) => (
              <li key={rate}>
                <LineSample place={place} dashed={false} />
                {RATE_NAMES[rate]}
              </li>
            ))}
          </ul>
        )
      }
      words={bestWords(curves)}
    >
      <XyChart
        summary={`${several ? RATE_NAMES[chosen] : "Precision, recall, F1 and accuracy"} against the threshold, of ${curves.map(({ series }) => series.label).join(", ")}.`}
        height={heightOf(isLarge)}
        x={thresholdAxis(curves)}
        y={{ domain: UNIT, label: several ? RATE_NAMES[chosen] : "Rate" }}
        hits={hits}
        byX
        onHit={(hit) => view.hover(hit ? (hits[hit.of]?.x[hit.index] ?? null) : null)}
        onPick={(hit) => view.choose(hits[hit.of]!.x[hit.index]!)}
      >
        {(frame) => (
          <>
            <SeriesLines lines={lines} frame={frame} />
            <ThresholdCursor frame={frame} threshold={view.threshold} />
            {shown.map(({ one, rate, place, dashed }) => {
              const index = nearest(one.curve, view.threshold);
              return (
                <PointMark
                  key={`${rate} ${keyOf(one.series)}`}
                  place={place}
                  dashed={dashed}
                  x={frame.x(one.curve.threshold[index]!)}
                  y={frame.y(one.rates[rate][index]!)}
                />
              );
            })}
          </>
        )}
      </XyChart>
    </PlotCard>
  );
}

/** Where F1 is highest. */
function bestWords(curves: readonly CurveSeries[]): string[] {
  return wordsOf(
    curves.map(({ series, curve, rates }) => {
      let best = -1;
      rates.f1.forEach((value, index) => {
        if (value > (rates.f1[best] ?? -1)) best = index;
      });
      const words =
        best < 0
          ? "no F1"
          : `highest F1 ${formatValue(rates.f1[best])} at ${formatValue(curve.threshold[best])}`;
      return { series, words };
    }),
  );
}

function thresholdAxis(curves: readonly CurveSeries[]): AxisSpec {
  let [lo, hi] = [Infinity, -Infinity];
  for (const { curve } of curves) {
    lo = Math.min(lo, curve.threshold[0] ?? lo);
    hi = Math.max(hi, curve.threshold.at(-1) ?? hi);
  }
  // ends just outside of probabilities say that all is on one side
  const isShare = lo > -0.01 && hi < 1.01 && hi - lo > 0.5;
  return { domain: isShare ? UNIT : lo < hi ? [lo, hi] : [lo - 1, lo + 1], label: "Threshold" };
}

function ThresholdCursor({ frame, threshold }: { frame: Frame; threshold: number }) {
  const at = Math.min(frame.right, Math.max(frame.left, frame.x(threshold)));
  if (Number.isNaN(at)) return null;
  return <line class="cursor" x1={at} x2={at} y1={frame.top} y2={frame.bottom} />;
}

/** So many tables stand in a small plot. */
const MAX_TABLES = 2;

/** The counts at the threshold, for each series a table of two by two. */
export function CountsPlot({ view, isLarge }: PlotProps) {
  const curves = curvesOf(view);
  const shown = isLarge ? curves : curves.slice(0, MAX_TABLES);
  const left = curves.length - shown.length;
  return (
    <PlotCard
      id="counts"
      title="Confusion matrix"
      isLarge={isLarge}
      words={left > 0 ? `… ${left} more: enlarge the plot, or see the table below` : []}
    >
      <div class={shown.length > 1 ? "counts several" : "counts"}>
        {shown.map((one) => (
          <CountsTable key={keyOf(one.series)} one={one} threshold={view.threshold} />
        ))}
      </div>
    </PlotCard>
  );
}

function CountsTable({ one, threshold }: { one: CurveSeries; threshold: number }) {
  const { series, curve } = one;
  const index = nearest(curve, threshold);
  const rows = [
    {
      name: "Positive",
      cells: [
        ["True positives", curve.tp],
        ["False negatives", curve.fn],
      ],
    },
    {
      name: "Negative",
      cells: [
        ["False positives", curve.fp],
        ["True negatives", curve.tn],
      ],
    },
  ] as const;
  return (
    <table class="class-table">
      <caption>
        {series.label} at {formatValue(curve.threshold[index])}
      </caption>
      <thead>
        <tr>
          <th scope="col">Actual ↓ Predicted →</th>
          <th scope="col">Positive</th>
          <th scope="col">Negative</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, cells }) => {
          const total = cells.reduce((sum, [, counts]) => sum + counts[index]!, 0);
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              {cells.map(([words, counts]) => {
                const share = total > 0 ? counts[index]! / total : 0;
                return (
                  <td
                    key={words}
                    title={words}
                    class={words.startsWith("True") ? "correct" : ""}
                    style={{
                      background: `color-mix(in srgb, var(--blue) ${Math.round(share * 50)}%, var(--paper))`,
                    }}
                  >
                    {formatValue(counts[index])}
                    <small>{formatPercent(Math.round(share * 1000) / 1000)}</small>
                  </td>
                );
              })}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
