import { describe, expect, test } from "vitest";
import { fittingLabels } from "../src/charts/tick_labels";
import { historyOf, runAxis } from "../src/logic/run_axis";
import { sortRuns } from "../src/logic/run_order";
import { factsAsText, pointFacts } from "../src/logic/run_words";
import { extentOf, nextPlace, seriesOf, spread } from "../src/logic/series";
import type { Report, Run } from "../src/report/contract";
import { Model } from "../src/report/model";

const run = (id: string, more: Partial<Run> = {}): Run => ({ id, name: `run ${id}`, ...more });

const report: Report = {
  schema: "report/1",
  title: "history",
  runs: [
    run("a", { model: "1", data: "span 2" }),
    run("b", { model: "10", data: "span 10" }),
    run("c", { model: "2", data: "span 1" }),
  ],
  metrics: [
    { id: "auc", label: "AUC", kind: "float", better: "up" },
    { id: "n", label: "examples", kind: "count", better: "none" },
  ],
  weight: "n",
  slices: { name: ["Overall", "hour:1"], keys: [[], [["hour", "1"]]] },
  values: {
    a: { auc: { v: [0.5, 0.6], lo: [0.4, null], hi: [0.7, null], level: 0.95 }, n: { v: [9, 4] } },
    b: { auc: { v: [0.8, null] }, n: { v: [7, null] } },
    c: { n: { v: [5, 1] } },
  },
};

describe("runAxis", () => {
  test("puts runs at their numbers where all have one, whatever word precedes them", () => {
    expect([...runAxis(report.runs, "model").positions]).toEqual([1, 2, 10]);
    const along = runAxis(report.runs, "data");
    expect(along.runs.map(({ id }) => id)).toEqual(["c", "a", "b"]);
    expect([...along.positions]).toEqual([1, 2, 10]);
    expect(along.isNumeric).toBe(true);
  });

  test("keeps the order of time where an id is no number", () => {
    const axis = runAxis([run("x", { model: "9" }), run("y", { model: "new" })], "model");
    expect([...axis.positions]).toEqual([0, 1]);
    expect(axis.labels).toEqual(["9", "new"]);
    expect(axis.isNumeric).toBe(false);
  });

  test("does not take different words for one, and an empty id falls back on the name", () => {
    const axis = runAxis([run("x", { model: "v1" }), run("y", { model: "w2" })], "model");
    expect(axis.isNumeric).toBe(false);
    expect(runAxis([run("z", { model: "" })], "model").labels).toEqual(["run z"]);
    expect(runAxis([], "model").positions).toHaveLength(0);
  });

  test("leaves out baseline models unless there is nothing else", () => {
    const runs = [run("x", { baseline: true }), run("y")];
    expect(historyOf(runs).map(({ id }) => id)).toEqual(["y"]);
    expect(historyOf(runs.slice(0, 1))).toHaveLength(1);
  });
});

describe("seriesOf", () => {
  const model = new Model(report);
  const { runs } = runAxis(model.runs, "model");

  test("has a gap, not a zero, where a run lacks the slice or the metric", () => {
    const series = seriesOf(model, runs, "auc", "hour:1");
    expect([...series.v]).toEqual([0.6, Number.NaN, Number.NaN]);
    expect([...series.n]).toEqual([4, 1, Number.NaN]);
    expect([...seriesOf(model, runs, "auc", "unknown").v]).toEqual([NaN, NaN, NaN]);
  });

  test("spans values and intervals", () => {
    expect(extentOf([seriesOf(model, runs, "auc", "Overall")])).toEqual([0.4, 0.8]);
    expect(extentOf([seriesOf(model, runs, "auc", "unknown")])).toBeUndefined();
  });

  test("tells of a point all that the tooltip is to say", () => {
    const series = seriesOf(model, runs, "auc", "Overall");
    const metric = model.metrics.get("auc")!;
    expect(factsAsText(pointFacts(runs[0]!, metric, series, 0, "examples"))).toBe(
      "Model run: 1 (run a), Data span: span 2, Metric: AUC, Slice: Overall, Value: 0.5, " +
        "95 % interval: 0.4 to 0.7, examples: 9",
    );
  });
});

test("spread keeps both ends and no more than it may", () => {
  expect(spread(3, 5)).toEqual([0, 1, 2]);
  expect(spread(1000, 3)).toEqual([0, 500, 999]);
  expect(spread(0, 5)).toEqual([]);
  expect(new Set(spread(1000, 77)).size).toBe(77);
});

test("nextPlace walks over gaps and stays at the ends", () => {
  const v = Float64Array.of(1, Number.NaN, 3);
  expect(nextPlace(v, 0, 1)).toBe(2);
  expect(nextPlace(v, 2, 1)).toBe(2);
  expect(nextPlace(v, v.length, -1)).toBe(2);
});

test("runs are sorted newest first, or by a metric with what is missing last both ways", () => {
  const model = new Model(report);
  const ids = (sort: { by: string; descending: boolean } | null): string =>
    sortRuns(model, model.runs, sort, "Overall")
      .map(({ id }) => id)
      .join("");
  expect(ids(null)).toBe("cba");
  expect(ids({ by: "metric:auc", descending: true })).toBe("bac");
  expect(ids({ by: "metric:auc", descending: false })).toBe("abc");
  expect(ids({ by: "model", descending: false })).toBe("acb");
});

test("labels of an axis do not overlap, and the last one is among them", () => {
  const labels = Array.from({ length: 50 }, (_, index) => `model ${index}`);
  const found = fittingLabels(labels, (index) => index * 10, 500);
  expect(found.at(-1)?.label).toBe("model 49");
  for (let index = 1; index < found.length; index++) {
    expect(found[index]!.at - found[index - 1]!.at).toBeGreaterThan(8 * 6);
  }
});
