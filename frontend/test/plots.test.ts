import { describe, expect, it } from "vitest";
import { linePath } from "../src/charts/line_path";
import { bucketsOf, leastSquares, rangeOf, regroup, totalsOf } from "../src/logic/calibration";
import { matrixAt, thresholdFor, thresholdsOf } from "../src/logic/class_matrix";
import {
  areaUnderRoc,
  averagePrecision,
  curveOf,
  gainAt,
  nearest,
  ratesOf,
} from "../src/logic/curve";
import { option, withOption } from "../src/logic/options";
import { choicesOf, pick } from "../src/logic/plot_series";
import { plotsOfValues } from "../src/logic/plots_of_values";
import type { Plot, Report } from "../src/report/contract";
import { Model } from "../src/report/model";
import sklearn from "./data/sklearn_curve.json";

function plot(type: Plot["type"], columns: Plot["columns"], more: Partial<Plot> = {}): Plot {
  return { run: "1", slice: "Overall", type, columns, ...more };
}

describe("curves", () => {
  // predictions 0.9 (positive), 0.6 (negative), 0.4 (positive), 0.1 (negative), in no order
  const curve = curveOf(
    plot("thresholds", {
      threshold: [0.5, -1, 0.2, 0.8],
      tp: [1, 2, 2, 1],
      fp: [1, 2, 1, 0],
      tn: [1, 0, 1, 2],
      fn: [1, 0, 0, 1],
    }),
  );

  it("come in order of their thresholds", () => {
    expect([...curve.threshold]).toEqual([-1, 0.2, 0.5, 0.8]);
    expect([...curve.fp]).toEqual([2, 1, 1, 0]);
  });

  it("have the rates that a hand computes", () => {
    const rates = ratesOf(curve);
    expect([...rates.precision]).toEqual([0.5, 2 / 3, 0.5, 1]);
    expect([...rates.recall]).toEqual([1, 1, 0.5, 0.5]);
    expect([...rates.fpr]).toEqual([1, 0.5, 0.5, 0]);
    expect([...rates.f1]).toEqual([2 / 3, 0.8, 0.5, 2 / 3]);
    expect([...rates.accuracy]).toEqual([0.5, 0.75, 0.5, 0.75]);
    expect([...rates.share]).toEqual([1, 0.75, 0.5, 0.25]);
  });

  it("have an area of three pairs in four", () => {
    expect(areaUnderRoc(curve)).toBe(0.75);
    expect(averagePrecision(curve)).toBeCloseTo(0.5 + 0.5 * (2 / 3), 12);
  });

  it("gain on a line between thresholds", () => {
    expect(gainAt(curve, 0.25)).toBe(0.5);
    expect(gainAt(curve, 0.125)).toBe(0.25);
    expect(gainAt(curve, 0.625)).toBe(0.75);
    expect(gainAt(curve, 1)).toBe(1);
  });

  it("find the nearest threshold", () => {
    expect([-5, 0.3, 0.36, 7].map((value) => nearest(curve, value))).toEqual([0, 1, 2, 3]);
  });

  it("have no number where nothing is divided by", () => {
    const none = curveOf(
      plot("thresholds", { threshold: [0, 1], tp: [0, 0], fp: [3, 0], tn: [0, 3], fn: [0, 0] }),
    );
    expect(areaUnderRoc(none)).toBeNaN();
    expect([...ratesOf(none).precision]).toEqual([0, Number.NaN]);
    expect(areaUnderRoc(curveOf(plot("thresholds", {})))).toBeNaN();
    expect(nearest(curveOf(plot("thresholds", {})), 0.5)).toBe(-1);
  });

  it("agree with scikit-learn on weighted examples", () => {
    const ours = curveOf(plot("thresholds", sklearn.columns));
    expect(areaUnderRoc(ours)).toBeCloseTo(sklearn.expected.auc, 12);
    expect(averagePrecision(ours)).toBeCloseTo(sklearn.expected.average_precision, 12);
    const rates = ratesOf(ours);
    for (const { threshold, ...expected } of sklearn.expected.at) {
      const index = nearest(ours, threshold);
      for (const [rate, value] of Object.entries(expected)) {
        expect(rates[rate as keyof typeof expected][index]).toBeCloseTo(value, 12);
      }
    }
  });
});

describe("calibration", () => {
  // sums, as reports have them, with open ends
  const buckets = bucketsOf(
    plot("calibration", {
      lo: [null, 0, 0.25, 0.5, 0.75, 1],
      hi: [0, 0.25, 0.5, 0.75, 1, null],
      weight: [0, 10, 0, 20, 10, 0],
      label: [0, 2, 0, 10, 9, 0],
      prediction: [0, 1, 0, 12, 8, 0],
    }),
  );

  it("takes buckets together by their place", () => {
    const range = rangeOf([buckets]);
    expect(range).toEqual([0, 1]);
    const groups = regroup(buckets, 2, range);
    expect(groups.map(({ weight }) => weight)).toEqual([10, 30]);
    expect(groups[1]!.label).toBeCloseTo(19 / 30, 12);
    expect(groups[1]!.prediction).toBeCloseTo(20 / 30, 12);
  });

  it("keeps all examples on a logarithmic axis", () => {
    const groups = regroup(buckets, 7, rangeOf([buckets], true), true);
    expect(groups.reduce((sum, { weight }) => sum + weight, 0)).toBe(40);
  });

  it("sums up", () => {
    const { ratio, prediction, label, error } = totalsOf(buckets);
    expect(ratio).toBe(1);
    expect(prediction).toBe(21 / 40);
    expect(label).toBe(21 / 40);
    expect(error).toBeCloseTo((10 * 0.1 + 20 * 0.1 + 10 * 0.1) / 40, 12);
  });

  it("fits a line by weighted squares", () => {
    const at = (prediction: number, label: number, weight: number) => {
      return { lo: 0, hi: 1, prediction, label, weight };
    };
    const line = leastSquares([at(0, 1, 5), at(1, 3, 1), at(2, 5, 9), at(9, 9, 0)])!;
    expect(line.slope).toBeCloseTo(2, 12);
    expect(line.intercept).toBeCloseTo(1, 12);
    // means 0.4 and 0.2; sums of squares 1.2, of products 0.6
    const weighted = leastSquares([at(0, 0, 3), at(1, 1, 1), at(1, 0, 1)])!;
    expect(weighted.slope).toBeCloseTo(0.5, 12);
    expect(weighted.intercept).toBeCloseTo(0, 12);
    expect(leastSquares([at(1, 1, 2)])).toBeUndefined();
  });

  it("looks where examples are when they fill little of the range", () => {
    const rare = bucketsOf(
      plot("calibration", {
        lo: [0, 0.01, 0.02, 0.5],
        hi: [0.01, 0.02, 0.5, 1],
        weight: [5, 5, 0, 0],
        label: [0, 1, 0, 0],
        prediction: [0.02, 0.08, 0, 0],
      }),
    );
    expect(rangeOf([rare])).toEqual([0, 0.02]);
  });

  it("has groups of nothing", () => {
    expect(rangeOf([])).toEqual([0, 1]);
    expect(
      regroup(bucketsOf(plot("calibration", {})), 3, [0, 1]).map(({ weight }) => weight),
    ).toEqual([0, 0, 0]);
  });
});

describe("matrices of classes", () => {
  const classes = plot("multi_class", {
    threshold: [0.5, 0.5, 0.5, 0.5, 0.9, 0.5],
    actual: [10, 2, 2, 1, 1, 10],
    predicted: [10, 10, 2, -1, 1, 2],
    weight: [7, 2, 3, 4, 99, 5],
  });

  it("have classes in numeric order, zeros, and a column for no prediction", () => {
    const matrix = matrixAt(classes, 0.5, "class", "total", 64);
    expect(matrix.classes).toEqual([1, 2, 10]);
    expect(matrix.hasNone).toBe(true);
    expect([...matrix.cells]).toEqual([0, 0, 0, 4, 0, 3, 2, 0, 0, 5, 7, 0]);
    expect([...matrix.rowTotals]).toEqual([4, 5, 12]);
  });

  it("are sorted by what rows come to", () => {
    const order = (by: "total" | "correct" | "incorrect" | "none") =>
      matrixAt(classes, 0.5, by, "total", 64).classes;
    expect(order("total")).toEqual([10, 2, 1]);
    expect(order("correct")).toEqual([10, 2, 1]);
    expect(order("incorrect")).toEqual([10, 2, 1]);
    expect(order("none")).toEqual([1, 2, 10]);
  });

  it("keep whole rows' totals where fewer classes are shown", () => {
    const matrix = matrixAt(classes, 0.5, "total", "total", 1);
    expect(matrix.classes).toEqual([10]);
    expect(matrix.size).toBe(3);
    expect([...matrix.cells]).toEqual([7, 0]);
    expect([...matrix.rowTotals]).toEqual([12]);
  });

  it("take the middle threshold, or the nearest to what is wanted", () => {
    expect(thresholdsOf(classes)).toEqual([0.5, 0.9]);
    expect(thresholdFor([0.25, 0.5, 0.75])).toBe(0.5);
    expect(thresholdFor([0.25, 0.5, 0.75], 0.64)).toBe(0.75);
    expect(thresholdFor([])).toBeUndefined();
  });

  it("count what is asked for of several labels", () => {
    const labels = plot("multi_label", {
      threshold: [0.5, 0.5],
      actual: [0, 0],
      predicted: [0, 1],
      tp: [5, 1],
      fp: [0, 3],
      tn: [0, 4],
      fn: [2, 6],
    });
    const cells = (mode: "total" | "incorrect" | "fn") => [
      ...matrixAt(labels, 0.5, "class", mode, 64).cells.slice(0, 2),
    ];
    expect(cells("total")).toEqual([5, 4]);
    expect(cells("incorrect")).toEqual([0, 3]);
    expect(cells("fn")).toEqual([2, 6]);
  });
});

describe("the choice of plots", () => {
  const all = [
    plot("calibration", {}, { sub_key: "classId:10" }),
    plot("calibration", {}, { sub_key: "classId:2" }),
    plot("multi_class", {}),
    plot("thresholds", {}, { sub_key: "classId:2", name: "b" }),
    plot("thresholds", {}, { sub_key: "classId:2", name: "a" }),
  ];

  it("takes the first class as people count, and what has none", () => {
    const choices = choicesOf(all, { outputs: [], subKeys: [], name: undefined });
    expect(choices.subKeys).toEqual(["classId:2", "classId:10"]);
    expect(choices.names).toEqual(["a", "b"]);
    const found = pick(all, choices);
    expect(found.get("calibration")).toBe(all[1]);
    expect(found.get("multi_class")).toBe(all[2]);
    expect(found.get("thresholds")).toBe(all[4]);
  });

  it("follows what is wanted where it exists", () => {
    const wanted = { outputs: ["nowhere"], subKeys: ["classId:10"], name: "b" };
    const found = pick(all, choicesOf(all, wanted));
    expect(found.get("calibration")).toBe(all[0]);
    expect(found.has("thresholds")).toBe(false);
  });
});

it("draws plots of values that are confusion matrices", () => {
  const matrices = [{ threshold: 0.5, truePositives: 3, trueNegatives: 4 }, { truePositives: 3 }];
  const report: Report = {
    schema: "report/1",
    title: "",
    runs: [{ id: "1", name: "one" }],
    metrics: [
      { id: "cm", label: "cm", kind: "matrix", better: "none", key: { name: "cm" } },
      { id: "text", label: "text", kind: "text", better: "none" },
    ],
    slices: { name: ["Overall"], keys: [[]] },
    values: {},
    complex: {
      "1": {
        cm: { 0: { confusionMatrixAtThresholds: { matrices } } },
        text: { 0: { bytesValue: "" } },
      },
    },
  };
  const model = new Model(report);
  const [found, ...others] = plotsOfValues(model, "1", "Overall");
  expect(others).toEqual([]);
  expect(found).toMatchObject({ type: "thresholds", name: "cm", slice: "Overall" });
  expect(found!.columns).toMatchObject({ threshold: [0.5, 0], tp: [3, 3], tn: [4, 0], fn: [0, 0] });
  expect(plotsOfValues(model, "1", "Overall")[0]).toBe(found);
  expect(plotsOfValues(model, "1", "nowhere")).toEqual([]);
});

it("keeps options as short texts", () => {
  const options = withOption(withOption(["fit"], "sort", "total"), "log", "");
  expect(options).toEqual(["fit", "sort.total", "log"]);
  expect(option(options, "sort")).toBe("total");
  expect(option(options, "log")).toBe("");
  expect(option(options, "lo")).toBeUndefined();
  expect(withOption(options, "sort", undefined)).toEqual(["fit", "log"]);
});

it("leaves gaps where numbers are missing, and draws lonely points", () => {
  const same = (value: number): number => value;
  expect(linePath([0, 1, 2, 3, 4], [0, Number.NaN, 5, Number.NaN, 1], same, same)).toBe(
    "M0.0,0.0h0M2.0,5.0h0M4.0,1.0h0",
  );
  expect(linePath([0, 10, 10.1, 20], [0, 0, 0.1, 9], same, same)).toBe(
    "M0.0,0.0h0L10.0,0.0L20.0,9.0",
  );
});
