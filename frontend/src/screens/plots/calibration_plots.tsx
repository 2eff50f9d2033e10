import { PointMark, SeriesLines } from "../../charts/series_lines";
import { seriesColour } from "../../charts/series_marks";
import { type AxisSpec, type Frame, XyChart } from "../../charts/xy_chart";
import {
  bucketsOf,
  type Group,
  leastSquares,
  rangeOf,
  regroup,
  totalsOf,
} from "../../logic/calibration";
import { formatPercent, formatShort, formatValue } from "../../logic/format";
import { option, withOption } from "../../logic/options";
import type { PlotSeries } from "../../logic/plot_series";
import { useStore } from "../../state/use";
import { Checkbox } from "../../ui/fields";
import { heightOf, PlotCard } from "./plot_card";
import { keyOf, type PlotProps, wordsOf } from "./threshold_plots";
import { type PlotsView, seriesWith } from "./view";

/** Bubbles of all series together. */
const MAX_BUBBLES = 240;
const [MAX_GROUPS, MIN_GROUPS] = [50, 10];
const [SMALLEST, LARGEST] = [2, 13];
const BARS = 16;

interface GroupSeries {
  series: PlotSeries;
  groups: Group[];
}

function groupsOf(view: PlotsView, count: number, log = false): GroupSeries[] {
  const all = seriesWith(view, "calibration").map(({ series, plot }) => ({
    series,
    buckets: bucketsOf(plot),
  }));
  const range = rangeOf(
    all.map(({ buckets }) => buckets),
    log,
  );
  return all.map(({ series, buckets }) => ({
    series,
    groups: regroup(buckets, count, range, log).filter(({ weight }) => weight > 0),
  }));
}

function groupCount(view: PlotsView): number {
  const share = MAX_BUBBLES / Math.max(1, view.series.length);
  return Math.max(MIN_GROUPS, Math.min(MAX_GROUPS, Math.floor(share)));
}

/** Mean label against mean prediction, a bubble a group of predictions. */
export function CalibrationPlot({ view, isLarge }: PlotProps) {
  const store = useStore();
  const { po } = store.state.value;
  const log = option(po, "log") !== undefined;
  const fit = option(po, "fit") !== undefined;
  const all = groupsOf(view, groupCount(view), log);
  const domain = squareDomain(all, log);
  const most = Math.max(...all.flatMap(({ groups }) => groups.map(({ weight }) => weight)), 0);
  const set = (name: string, isOn: boolean): void =>
    store.set({ po: withOption(po, name, isOn ? "" : undefined) });
  const words = wordsOf(
    seriesWith(view, "calibration").map(({ series, plot }) => {
      const { ratio, error } = totalsOf(bucketsOf(plot));
      const about = `mean prediction ÷ mean label ${formatValue(ratio)}, calibration error ${formatValue(error)}`;
      return { series, words: about };
    }),
  );
  const axis = (label: string): AxisSpec => ({ domain, label, log });
  return (
    <PlotCard
      id="calibration"
      title="Calibration"
      isLarge={isLarge}
      tools={
        <>
          <Checkbox
            label="Least-squares line"
            checked={fit}
            onChange={(isOn) => set("fit", isOn)}
          />
          <Checkbox label="Logarithmic axes" checked={log} onChange={(isOn) => set("log", isOn)} />
        </>
      }
      words={words}
    >
      <div class={isLarge ? "square" : ""}>
        <XyChart
          summary={`Calibration of ${names(all)}: ${words.join("; ")}.`}
          height={heightOf(isLarge)}
          x={axis("Mean prediction")}
          y={axis("Mean label")}
          hits={all.map((one) => ({
            x: one.groups.map(({ prediction }) => prediction),
            y: one.groups.map(({ label }) => label),
            text: (index) => tell(one.series, one.groups[index]!),
          }))}
        >
          {(frame) => (
            <>
              <Perfect frame={frame} domain={domain} />
              {fit &&
                all.map((one) => (
                  <Fit key={keyOf(one.series)} one={one} frame={frame} domain={domain} />
                ))}
              {all.map((one) => (
                <Bubbles key={keyOf(one.series)} one={one} frame={frame} most={most} />
              ))}
            </>
          )}
        </XyChart>
      </div>
    </PlotCard>
  );
}

function Bubbles({ one, frame, most }: { one: GroupSeries; frame: Frame; most: number }) {
  const colour = seriesColour(one.series.place);
  return (
    <g
      fill={one.series.isBase ? "none" : colour}
      fill-opacity={0.45}
      stroke={colour}
      stroke-dasharray={one.series.isBase ? "3 2" : undefined}
    >
      {one.groups.map(({ lo, weight, prediction, label }) => {
        const [x, y] = [frame.x(prediction), frame.y(label)];
        if (!Number.isFinite(x + y)) return null;
        // the area tells the weight
        const radius = Math.max(SMALLEST, LARGEST * Math.sqrt(weight / most));
        return <circle key={lo} cx={x} cy={y} r={radius} />;
      })}
    </g>
  );
}

interface LineProps {
  frame: Frame;
  domain: readonly [number, number];
}

function Perfect({ frame, domain: [lo, hi] }: LineProps) {
  const { x, y } = frame;
  return (
    <>
      <line class="reference" x1={x(lo)} y1={y(lo)} x2={x(hi)} y2={y(hi)} />
      <text x={x(hi) - 40} y={y(hi) + 8} text-anchor="end">
        Perfect
      </text>
    </>
  );
}

/** The least-squares line, curved where axes are logarithmic, within the chart. */
function Fit({ one, frame, domain: [lo, hi] }: LineProps & { one: GroupSeries }) {
  const found = leastSquares(one.groups);
  if (!found) return null;
  const steps = Array.from({ length: 65 }, (_, index) => index / 64);
  const xs = Float64Array.from(steps, (step) =>
    lo > 0 ? lo * (hi / lo) ** step : lo + (hi - lo) * step,
  );
  const ys = xs.map((x) => {
    const y = found.intercept + found.slope * x;
    return y < lo || y > hi ? Number.NaN : y;
  });
  const { series } = one;
  const line = { key: keyOf(series), place: series.place, dashed: series.isBase, x: xs, y: ys };
  return <SeriesLines lines={[line]} frame={frame} />;
}

/** Mean label less mean prediction, against the prediction. */
export function ResidualPlot({ view, isLarge }: PlotProps) {
  const all = groupsOf(view, groupCount(view));
  const lines = all.map(({ series, groups }) => ({
    key: keyOf(series),
    place: series.place,
    dashed: series.isBase,
    x: Float64Array.from(groups, ({ prediction }) => prediction),
    y: Float64Array.from(groups, ({ label, prediction }) => label - prediction),
  }));
  const [lo, hi] = around(lines.flatMap(({ y }) => [...y, 0]));
  const first = all[0]?.groups ?? [];
  const most = Math.max(...first.map(({ weight }) => weight));
  const largest = Math.max(...lines.flatMap(({ y }) => [...y].map(Math.abs)), 0);
  const words = `largest difference ${formatValue(largest)}; bars: examples${all.length > 1 ? ` of ${all[0]?.series.label}` : ""}`;
  return (
    <PlotCard id="residual" title="Residual" isLarge={isLarge} words={words}>
      <XyChart
        summary={`Mean label less mean prediction, against the prediction, of ${names(all)}: ${words}.`}
        height={heightOf(isLarge)}
        x={{ domain: domainOf(all), label: "Mean prediction" }}
        y={{ domain: [lo, hi], label: "Label − prediction" }}
        hits={all.map((one, index) => ({
          x: lines[index]!.x,
          y: lines[index]!.y,
          text: (place) => tell(one.series, one.groups[place]!),
        }))}
        byX
      >
        {(frame) => (
          <>
            <g class="faint">
              {first.map(({ lo, hi, weight }) => {
                const height = ((frame.bottom - frame.top) / 4) * (weight / most);
                const [from, to] = [frame.x(lo), frame.x(hi)];
                return (
                  <rect
                    key={lo}
                    x={from}
                    width={Math.max(1, to - from - 1)}
                    y={frame.bottom - height}
                    height={height}
                  />
                );
              })}
            </g>
            <line
              class="reference"
              x1={frame.left}
              x2={frame.right}
              y1={frame.y(0)}
              y2={frame.y(0)}
            />
            <SeriesLines lines={lines} frame={frame} />
            {lines.map(({ key, place, dashed, x, y }) => (
              <PointMark
                key={key}
                place={place}
                dashed={dashed}
                x={frame.x(x.at(-1) ?? Number.NaN)}
                y={frame.y(y.at(-1) ?? Number.NaN)}
              />
            ))}
          </>
        )}
      </XyChart>
    </PlotCard>
  );
}

/** How many examples have which prediction: positives and negatives, or, for several series, their shares. */
export function DistributionPlot({ view, isLarge }: PlotProps) {
  const all = groupsOf(view, BARS);
  const several = all.length > 1;
  const heights = all.map(({ groups }) => {
    const total = several ? groups.reduce((sum, { weight }) => sum + weight, 0) : 1;
    return groups.map(({ weight }) => weight / total);
  });
  const one = several ? undefined : all[0];
  // labels that are no shares, such as a regression's, split nothing
  const isSplit = one?.groups.every(({ label }) => label >= 0 && label <= 1) ?? false;
  return (
    <PlotCard
      id="distribution"
      title="Prediction distribution"
      isLarge={isLarge}
      tools={isSplit && <SplitLegend />}
      words={`${BARS} ranges of predictions`}
    >
      <XyChart
        summary={`Distribution of the predictions of ${names(all)}, in ${BARS} ranges.`}
        height={heightOf(isLarge)}
        x={{ domain: domainOf(all), label: "Prediction" }}
        y={{
          domain: [0, Math.max(...heights.flat(), 0) * 1.05 || 1],
          label: several ? "Share of examples" : "Examples",
          format: several ? formatPercent : formatShort,
        }}
        hits={all.map(({ series, groups }, index) => ({
          x: groups.map(({ lo, hi }) => (lo + hi) / 2),
          y: heights[index]!,
          text: (place) => tellRange(series, groups[place]!, isSplit),
        }))}
        byX
      >
        {(frame) =>
          one ? (
            <Bars one={one} frame={frame} isSplit={isSplit} />
          ) : (
            <SeriesLines
              frame={frame}
              lines={all.map(({ series, groups }, index) => ({
                key: keyOf(series),
                place: series.place,
                dashed: series.isBase,
                x: Float64Array.from(groups.flatMap(({ lo, hi }) => [lo, hi])),
                y: Float64Array.from(heights[index]!.flatMap((height) => [height, height])),
              }))}
            />
          )
        }
      </XyChart>
    </PlotCard>
  );
}

function SplitLegend() {
  return (
    <ul class="legend">
      <li>
        <span class="swatch positive" /> Positive
      </li>
      <li>
        <span class="swatch negative" /> Negative
      </li>
    </ul>
  );
}

function Bars({ one, frame, isSplit }: { one: GroupSeries; frame: Frame; isSplit: boolean }) {
  return (
    <>
      {one.groups.map(({ lo, hi, weight, label }) => {
        const [x, width] = [frame.x(lo) + 1, Math.max(1, frame.x(hi) - frame.x(lo) - 2)];
        const parts: [string, number, number][] = isSplit
          ? [
              ["positive", 0, weight * label],
              ["negative", weight * label, weight],
            ]
          : [["negative", 0, weight]];
        return parts.map(([name, from, to]) => (
          <rect
            key={`${lo} ${name}`}
            class={name}
            x={x}
            width={width}
            y={frame.y(to)}
            height={Math.max(0, frame.y(from) - frame.y(to))}
          />
        ));
      })}
    </>
  );
}

function names(all: readonly GroupSeries[]): string {
  return all.map(({ series }) => series.label).join(", ");
}

function tell(series: PlotSeries, group: Group): string[] {
  return [
    series.label,
    `Mean prediction ${formatValue(group.prediction)}`,
    `Mean label ${formatValue(group.label)}`,
    `Difference ${formatValue(group.label - group.prediction)}`,
    `Examples ${formatValue(group.weight)}`,
  ];
}

function tellRange(series: PlotSeries, group: Group, isSplit: boolean): string[] {
  const split = [
    `Positive ${formatValue(group.weight * group.label)}`,
    `Negative ${formatValue(group.weight * (1 - group.label))}`,
  ];
  return [
    series.label,
    `Prediction ${formatValue(group.lo)} to ${formatValue(group.hi)}`,
    `Examples ${formatValue(group.weight)}`,
    ...(isSplit ? split : []),
  ];
}

/** Of predictions, from the first to the last group. */
function domainOf(all: readonly GroupSeries[]): [number, number] {
  const groups = all.flatMap((one) => one.groups);
  const [lo, hi] = [
    Math.min(...groups.map(({ lo }) => lo)),
    Math.max(...groups.map(({ hi }) => hi)),
  ];
  if (!(lo < hi)) return [0, 1];
  // probabilities are seen on their whole range where they fill most of it
  return lo >= 0 && hi <= 1 && hi - lo > 0.5 ? [0, 1] : [lo, hi];
}

/** One for both axes, so that the line of perfect calibration is the diagonal. */
function squareDomain(all: readonly GroupSeries[], log: boolean): [number, number] {
  const values = all
    .flatMap(({ groups }) => groups.flatMap(({ prediction, label }) => [prediction, label]))
    .filter((value) => Number.isFinite(value) && (!log || value > 0));
  const [lo, hi] = [Math.min(...values), Math.max(...values)];
  if (log) return lo < hi ? [lo / 1.3, hi * 1.3] : [1e-3, 1];
  if (lo >= 0 && hi <= 1 && hi > 0.5) return [0, 1];
  return lo < hi ? [Math.min(lo, 0), hi * 1.05] : [0, 1];
}

function around(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  const [lo, hi] = [Math.min(...finite), Math.max(...finite)];
  const margin = (hi - lo) * 0.1 || 0.5;
  return [lo - margin, hi + margin];
}
