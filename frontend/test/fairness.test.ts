import { describe, expect, it } from "vitest";
import { against, formatAgainst, isSignificant } from "../src/logic/against";
import { barsOf, columnsOf, describeBar, extentOf, needsDots } from "../src/logic/fairness_columns";
import { atThresholds, familiesOf } from "../src/logic/families";
import { filterSlices, sortRows } from "../src/logic/slice_groups";
import type { Metric, Report } from "../src/report/contract";
import { Model } from "../src/report/model";

function rate(name: string, threshold: number): Metric {
  const id = `${name}@${threshold}`;
  return { id, label: id, kind: "float", better: "down", family: name, threshold };
}

function single(id: string, more: Partial<Metric> = {}): Metric {
  return { id, label: id, kind: "float", better: "up", ...more };
}

const metrics = [
  rate("false_positive_rate", 0.7),
  rate("false_positive_rate", 0.3),
  single("loss", { better: "down" }),
  single("example_count", { kind: "count", better: "none" }),
];

const report: Report = {
  schema: "report/1",
  title: "",
  runs: [
    { id: "b", name: "B" },
    { id: "a", name: "A" },
  ],
  metrics,
  weight: "example_count",
  slices: {
    name: ["Overall", "hour:10", "hour:2", "lang:x"],
    keys: [[], [["hour", "10"]], [["hour", "2"]], [["lang", "x"]]],
  },
  values: {
    a: {
      "false_positive_rate@0.3": {
        v: [0.4, 0.5, 0.3, 0],
        lo: [0.3, 0.45, 0.2, null],
        hi: [0.5, 0.55, 0.4, null],
      },
      "false_positive_rate@0.7": { v: [0.2, 0.25, 0.1, null], why: { 3: "NaN" } },
      example_count: { v: [100, 40, 50, 10] },
    },
    b: {
      "false_positive_rate@0.3": { v: [0.5, 0.6, 0.4, 0.1] },
      "false_positive_rate@0.7": { v: [0, 0.35, 0.15, 0.05] },
      example_count: { v: [90, 30, 50, 10] },
    },
  },
};

describe("columns of two runs at two thresholds", () => {
  const model = new Model(report);
  const [a, b] = [model.run("a")!, model.run("b")!];
  const family = familiesOf(model.metrics.values())[0]!;
  const bars = barsOf(model, atThresholds(family, [0.3, 0.7]), [a, b]);
  const columns = columnsOf(model, bars, 0, "abs");

  it("defect 1: no number stands under another's title", () => {
    expect(columns.map(({ group, head }) => `${group} | ${head}`)).toEqual([
      "A at 0.3 | Value",
      "A at 0.3 | Against Overall",
      "B at 0.3 | Value",
      "B at 0.3 | Against Overall",
      "A against B | at 0.3",
      "A at 0.7 | Value",
      "A at 0.7 | Against Overall",
      "B at 0.7 | Value",
      "B at 0.7 | Against Overall",
      "A against B | at 0.7",
      "A | Examples",
      "B | Examples",
    ]);
    const texts = columns.map(({ cell }) => cell(1).text);
    expect(texts).toEqual([
      "0.5 ± 0.05",
      "+0.1",
      "0.6",
      "+0.1",
      "-0.1",
      "0.25",
      "+0.05",
      "0.35",
      "+0.35",
      "-0.1",
      "40",
      "30",
    ]);
    expect(new Set(columns.map(({ id }) => id)).size).toBe(columns.length);
  });

  it("defect 2: A against B is A less B, and A over B", () => {
    const change = (how: "abs" | "rel" | "ratio") =>
      columnsOf(model, bars, 0, how)
        .find(({ id }) => id === "run1")!
        .cell(2);
    expect(change("abs")).toMatchObject({ text: "-0.1" });
    expect(change("abs").change).toBeCloseTo(-0.1, 12);
    expect(change("rel").text).toBe("-25 %");
    expect(change("ratio").text).toBe("× 0.75");
  });

  it("says why there is no difference to a zero", () => {
    const relative = columnsOf(model, bars, 0, "rel").find(({ id }) => id === "slice3")!;
    expect(relative.cell(1)).toEqual({
      text: "–",
      title: "the baseline is 0",
      why: "the baseline is 0",
    });
    expect(relative.key(1)).toBeNaN();
  });

  it("says why there is no value", () => {
    expect(columns.find(({ id }) => id === "value2")!.cell(3)).toEqual({
      text: "–",
      title: "NaN",
      why: "NaN",
    });
  });

  it("calls a difference significant that is larger than both intervals together", () => {
    const column = columns.find(({ id }) => id === "slice0")!;
    // half widths 0.05 and 0.1: together 0.112
    expect(column.cell(1).significant).toBe(false);
    expect(column.cell(3).significant).toBeUndefined();
    expect(isSignificant(0.1119, 0.05, 0.1)).toBe(true);
    expect(isSignificant(-0.1117, 0.05, 0.1)).toBe(false);
    expect(isSignificant(1, Number.NaN, 0.1)).toBeUndefined();
  });

  it("defect 3: the axis has room for the upper bounds, and the tooltip tells lower to upper", () => {
    expect(extentOf(bars, [0, 1, 2])).toEqual([0, 0.6]);
    expect(extentOf(bars.slice(0, 1), [1])).toEqual([0.45, 0.55]);
    expect(extentOf(bars, [])).toBeUndefined();
    expect(describeBar(model, bars[0]!, 1)).toEqual([
      "hour:10",
      "A",
      "false_positive_rate@0.3: 0.5",
      "Interval 0.45 to 0.55",
      "Examples: 40",
    ]);
  });
});

describe("a value against another", () => {
  it("is told in three ways", () => {
    expect(against(0.6, 0.5, "abs").amount).toBeCloseTo(0.1, 12);
    expect(against(0.6, 0.5, "rel").amount).toBeCloseTo(0.2, 12);
    expect(against(0.6, 0.5, "ratio").amount).toBeCloseTo(1.2, 12);
    // a share of a negative baseline keeps the direction
    expect(against(-1, -2, "rel").amount).toBe(0.5);
  });

  it("is nothing where one is missing, and 0 where only rounding differs", () => {
    expect(against(Number.NaN, 1, "abs").why).toBe("no value here");
    expect(against(1, Number.NaN, "abs").why).toBe("the baseline has no value");
    expect(against(0.1 + 0.2, 0.3, "abs").change).toBe(0);
  });

  it("has a sign", () => {
    expect(formatAgainst(0.1234567, "rel")).toBe("+12.3 %");
    expect(formatAgainst(-0.1, "abs")).toBe("-0.1");
    expect(formatAgainst(Number.NaN, "ratio")).toBe("–");
  });
});

describe("families", () => {
  it("come with what is asked first at first, counts last", () => {
    const names = ["zeta", "auc", "recall", "precision", "binary_accuracy", "alpha"];
    const found = familiesOf([...metrics, ...names.map((name) => single(name))]);
    expect(found.map(({ label }) => label)).toEqual([
      "binary_accuracy",
      "precision",
      "recall",
      "auc",
      "false_positive_rate",
      "alpha",
      "loss",
      "zeta",
      "example_count",
    ]);
  });

  it("keep a metric apart from the rates of its name", () => {
    const found = familiesOf([single("recall"), rate("recall", 0.5)]);
    expect(found.map(({ key }) => key)).toEqual(["recall", "recall@"]);
  });

  it("take the thresholds nearest to the wanted ones, else the middle one", () => {
    const family = familiesOf([0.9, 0.1, 0.5].map((threshold) => rate("fpr", threshold)))[0]!;
    const at = (wanted: number[]) => atThresholds(family, wanted).map(({ threshold }) => threshold);
    expect(at([])).toEqual([0.5]);
    expect(at([0.8, 0.2, 0.85])).toEqual([0.1, 0.9]);
  });
});

describe("slices", () => {
  const model = new Model(report);
  const all = { features: "*", text: "", names: [], least: 0, weights: undefined };
  const names = (rows: Int32Array): string[] => [...rows].map((row) => model.slices.names[row]!);

  it("come by feature, then as people count", () => {
    expect(names(filterSlices(model, all))).toEqual(["Overall", "hour:2", "hour:10", "lang:x"]);
  });

  it("pass a filter", () => {
    expect(names(filterSlices(model, { ...all, features: "hour", text: "1" }))).toEqual([
      "hour:10",
    ]);
    expect(names(filterSlices(model, { ...all, names: ["lang:x", "nowhere"] }))).toEqual([
      "lang:x",
    ]);
    const weights = model.column("a", "example_count")!.v;
    expect(names(filterSlices(model, { ...all, least: 50, weights }))).toEqual([
      "Overall",
      "hour:2",
    ]);
  });

  it("are sorted with what is missing last, both ways", () => {
    const rows = Int32Array.of(0, 1, 2);
    const key = (row: number): number => [Number.NaN, 1, 2][row]!;
    expect([...sortRows(rows, key, false)]).toEqual([1, 2, 0]);
    expect([...sortRows(rows, key, true)]).toEqual([2, 1, 0]);
  });
});

it("draws dots where bars from zero would all look alike", () => {
  expect(needsDots([0.7, 0.8])).toBe(true);
  expect(needsDots([0.1, 0.8])).toBe(false);
  expect(needsDots([-0.1, 0.1])).toBe(false);
  expect(needsDots([0, 0])).toBe(false);
});
