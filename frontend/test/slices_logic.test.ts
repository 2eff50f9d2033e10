import { describe, expect, test } from "vitest";
import { formatCell, formatDifference, formatHalf } from "../src/logic/cell_format";
import { halfInterval, inUnits, spreadOf } from "../src/logic/difference";
import { toCsv, toJson, toTabbed } from "../src/logic/exports";
import {
  bucketOf,
  countPlace,
  countTicks,
  extentOf,
  histogramOf,
  rowsIn,
} from "../src/logic/histogram";
import {
  classesOf,
  completions,
  nameAt,
  ofOutputs,
  readList,
  WITHOUT,
  writeList,
} from "../src/logic/metric_choice";
import { naturalRanks } from "../src/logic/natural";
import { noiseOf } from "../src/logic/noise";
import { choosesFeatures, presence, withText, withWeight } from "../src/logic/rows";
import { sortRows } from "../src/logic/sort";
import { shortForm, structuredTables } from "../src/logic/structured";
import type { Metric } from "../src/report/contract";
import type { Values } from "../src/report/model";

const NaNs = Number.NaN;
const f64 = (...numbers: number[]): Float64Array => Float64Array.from(numbers);
const rowsTo = (size: number): Int32Array => Int32Array.from({ length: size }, (_, row) => row);
const metric = (id: string, more: Partial<Metric> = {}): Metric => ({
  id,
  label: id,
  kind: "float",
  better: "up",
  ...more,
});
const column = (v: Float64Array, more: Partial<Values> = {}): Values => ({
  v,
  why: new Map(),
  ...more,
});

describe("sorting", () => {
  const values = f64(0.5, NaNs, -3, 0, -0, Number.POSITIVE_INFINITY, 1e-300, -1e300, 0.5);

  test("rows without a value come last, both ways", () => {
    const up = sortRows(rowsTo(9), [{ values, descending: false }]);
    const down = sortRows(rowsTo(9), [{ values, descending: true }]);
    expect([...up]).toEqual([7, 2, 3, 4, 6, 0, 8, 5, 1]);
    expect([...down]).toEqual([5, 0, 8, 6, 3, 4, 2, 7, 1]);
  });

  test("a second key decides among equals, and is missing last too", () => {
    const first = f64(1, 1, 1, 0);
    const second = f64(5, NaNs, 7, 9);
    const sorted = sortRows(rowsTo(4), [
      { values: first, descending: true },
      { values: second, descending: false },
    ]);
    expect([...sorted]).toEqual([0, 2, 1, 3]);
  });

  test("agrees with a comparing sort on many numbers of all sizes", () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    const many = Float64Array.from({ length: 5000 }, () => {
      return (random() - 0.5) * 10 ** Math.floor(40 * (random() - 0.5));
    });
    const sorted = sortRows(rowsTo(many.length), [{ values: many, descending: false }]);
    expect([...sorted]).toEqual(
      [...rowsTo(many.length)].sort((a, b) => many[a]! - many[b]! || a - b),
    );
  });

  test("leaves rows alone that no key sorts", () => {
    expect([...sortRows(Int32Array.of(3, 1), [])]).toEqual([3, 1]);
    expect([...sortRows(new Int32Array(), [{ values, descending: true }])]).toEqual([]);
  });

  test("names are in natural order", () => {
    const names = ["hour:10", "hour:9", "Hour:2", "day:1", "hour:09a", "hour:100"];
    const ranks = naturalRanks(names);
    const order = names.map((_, row) => row).sort((a, b) => ranks[a]! - ranks[b]!);
    expect(order.map((row) => names[row])).toEqual([
      "day:1",
      "Hour:2",
      "hour:9",
      "hour:09a",
      "hour:10",
      "hour:100",
    ]);
  });

  test("names in order keep their places", () => {
    expect([...naturalRanks(["", "a:2", "a:10", "b:1"])]).toEqual([0, 1, 2, 3]);
  });
});

describe("filters", () => {
  test("a missing weight is 0, and without weights there is no filter", () => {
    expect([...withWeight(rowsTo(3), f64(5, NaNs, 10), 5)]).toEqual([0, 2]);
    expect([...withWeight(rowsTo(3), f64(5, NaNs, 10), 0)]).toEqual([0, 1, 2]);
    expect([...withWeight(rowsTo(3), undefined, 100)]).toEqual([0, 1, 2]);
  });

  test("text is found in whatever case; blanks find all", () => {
    expect([...withText(rowsTo(2), ["city:köln", "city:bonn"], " KÖLN ")]).toEqual([0]);
    expect([...withText(rowsTo(2), ["a", "b"], "  ")]).toEqual([0, 1]);
  });

  test("features are chosen one by one, or by how many there are", () => {
    const all = ["", "hour", "hour × day"];
    expect(all.map((one) => choosesFeatures("*", one))).toEqual([true, true, true]);
    expect(all.map((one) => choosesFeatures("*single", one))).toEqual([false, true, false]);
    expect(all.map((one) => choosesFeatures("*crossed", one))).toEqual([false, false, true]);
    expect(all.map((one) => choosesFeatures("hour", one))).toEqual([false, true, false]);
    expect(all.map((one) => choosesFeatures("", one))).toEqual([true, false, false]);
  });

  test("a row is there when a column has its number or the reason for none", () => {
    const columns = [column(f64(1, NaNs)), column(f64(NaNs), { why: new Map([[2, "NaN"]]) })];
    expect([...presence(4, columns)]).toEqual([1, 0, 1, 0]);
  });
});

describe("histogram", () => {
  const values = f64(0, 0.1, 0.25, 0.5, 1, NaNs);
  const weights = f64(1, 2, NaNs, 8, 16, 32);

  test("every row with a value is in one bucket, its weight too", () => {
    const found = histogramOf(rowsTo(6), values, weights, 4);
    expect([...found.slices]).toEqual([2, 1, 1, 1]);
    expect([...found.examples]).toEqual([3, 0, 8, 16]);
    expect(found.missing).toBe(1);
    expect([...found.edges]).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  test("a range re-buckets what lies in it", () => {
    const found = histogramOf(rowsTo(6), values, weights, 2, [0.1, 0.5]);
    expect([...found.slices]).toEqual([2, 1]);
    expect([found.lo, found.hi]).toEqual([0.1, 0.5]);
  });

  test("one value, no value, and the widest there is", () => {
    expect([...histogramOf(rowsTo(2), f64(3, 3), undefined, 10).slices]).toEqual([2]);
    expect(histogramOf(rowsTo(1), f64(NaNs), undefined, 10)).toMatchObject({
      lo: 0,
      hi: 0,
      missing: 1,
    });
    const wide = f64(-Number.MAX_VALUE, 0, Number.MAX_VALUE);
    expect([...histogramOf(rowsTo(3), wide, undefined, 2).slices]).toEqual([1, 2]);
    expect(extentOf(rowsTo(1), f64(NaNs))).toBeUndefined();
  });

  test("the rows of a bucket are those that it counts", () => {
    const found = histogramOf(rowsTo(6), values, weights, 4);
    const rows = [0, 1, 2, 3].map((bucket) => [...rowsIn(found, bucket, rowsTo(6), values)]);
    expect(rows).toEqual([[0, 1], [2], [3], [4]]);
    expect(bucketOf(1, 0, 1, 4)).toBe(3);
  });

  test("a logarithmic axis moves marks, not the counts on them", () => {
    expect(countTicks(1500, true)).toEqual([0, 1, 10, 100, 1000]);
    expect(countTicks(10, false)).toEqual([0, 5, 10]);
    expect(countPlace(10, 10, true)).toBe(1);
    expect(countPlace(0, 10, true)).toBe(0);
    expect(countPlace(1, 100, true)).toBeGreaterThan(countPlace(1, 100, false));
    expect(countPlace(5, 0, true)).toBe(0);
  });
});

describe("the list of metrics", () => {
  const metrics = [
    metric("auc"),
    metric("a, b"),
    metric('say "x"'),
    metric("post_export_metrics/loss", { label: "loss" }),
    metric("out1/auc", { label: "same" }),
    metric("out2/auc", { label: "same" }),
  ];

  test("what is written is read again", () => {
    const ids = metrics.map(({ id }) => id);
    const text = writeList(ids, metrics);
    expect(text).toBe('auc, "a, b", "say ""x""", loss, out1/auc, out2/auc');
    expect(readList(text, metrics)).toEqual({ all: ids, known: ids, unknown: [] });
  });

  test("unknown names are told, and stay where they were typed", () => {
    const { all, known, unknown } = readList(" AUC ,, nonsense,loss,auc", metrics);
    expect(all).toEqual(["auc", "nonsense", "post_export_metrics/loss"]);
    expect(known).toEqual(["auc", "post_export_metrics/loss"]);
    expect(unknown).toEqual(["nonsense"]);
    expect(writeList(all, metrics)).toBe("auc, nonsense, loss");
  });

  test("the name at the cursor is completed", () => {
    expect(nameAt('auc, "a, b', 9)).toEqual({ name: "a, b", from: 4, to: 10 });
    expect(nameAt("auc, lo", 7)).toEqual({ name: "lo", from: 4, to: 7 });
    expect(completions("a", metrics).map(({ id }) => id)[0]).toBe("auc");
    expect(completions("loss", metrics).map(({ id }) => id)).toEqual(["post_export_metrics/loss"]);
  });

  test("nothing chosen shows all outputs and classes", () => {
    const several = [
      metric("a/auc", { key: { name: "auc", output: "a" } }),
      metric("b/auc", { key: { name: "auc", output: "b" } }),
      metric("p (class 10)", { key: { name: "p", sub_key: "classId:10" } }),
      metric("p (class 2)", { key: { name: "p", sub_key: "classId:2" } }),
      metric("example_count", { key: { name: "example_count" } }),
    ];
    expect(ofOutputs(several, [], [])).toEqual(several);
    expect(classesOf(several)).toEqual([WITHOUT, "classId:2", "classId:10"]);
    const ids = (out: string[], cls: string[]): string[] =>
      ofOutputs(several, out, cls).map(({ id }) => id);
    expect(ids(["a"], [])).toEqual(["a/auc", "p (class 10)", "p (class 2)", "example_count"]);
    expect(ids([], ["classId:2"])).toEqual(["p (class 2)"]);
    expect(ids([], [WITHOUT])).toEqual(["a/auc", "b/auc", "example_count"]);
  });
});

describe("exports", () => {
  const table = {
    rows: Int32Array.of(1, 0),
    names: ["Overall", '=cmd,"x"\n'],
    keys: [[], [["f", "v"]]] as [string, string][][],
    columns: [
      {
        metric: metric("auc"),
        values: column(f64(-0.1, NaNs), {
          lo: f64(-0.2, NaNs),
          hi: f64(0, NaNs),
          why: new Map([[1, "-Infinity"]]),
        }),
        structured: () => undefined,
      },
      {
        metric: metric("cm"),
        values: undefined,
        structured: (row: number) => (row ? undefined : { a: 1 }),
      },
    ],
  };

  test("CSV quotes as RFC 4180 has it, and holds no formula", () => {
    expect(toCsv(table)).toBe(
      'slice,auc,auc lower,auc upper,cm\r\n"\'=cmd,""x""\n",-Infinity,,,\r\nOverall,-0.1,-0.2,0,"{""a"":1}"\r\n',
    );
  });

  test("cells to paste hold no breaks", () => {
    expect(toTabbed(table).split("\n")[1]).toBe('\'=cmd,"x" \t-Infinity\t\t\t');
  });

  test("JSON has null where there is no number, and says why", () => {
    expect(JSON.parse(toJson(table))).toEqual([
      {
        slice: '=cmd,"x"\n',
        key: { f: "v" },
        metrics: { auc: { value: null, why: "-Infinity" }, cm: { value: null } },
      },
      {
        slice: "Overall",
        key: {},
        metrics: { auc: { value: -0.1, lower: -0.2, upper: 0 }, cm: { a: 1 } },
      },
    ]);
  });
});

describe("differences", () => {
  test("are told in units of both intervals, or of the spread", () => {
    expect(inUnits(1, 3, 4, 99)).toBeCloseTo(0.2);
    expect(inUnits(-1, 2, NaNs, 99)).toBe(-0.5);
    expect(inUnits(1, NaNs, NaNs, 2)).toBe(0.5);
    expect(inUnits(1, NaNs, NaNs, NaNs)).toBeNaN();
    expect(inUnits(0, NaNs, NaNs, NaNs)).toBe(0);
  });

  test("the spread is the standard deviation of what is there", () => {
    expect(spreadOf(rowsTo(4), f64(1, NaNs, 2, 3))).toBeCloseTo(1);
    expect(spreadOf(rowsTo(1), f64(1))).toBeNaN();
  });

  test("half an interval", () => {
    expect(halfInterval(column(f64(1), { lo: f64(0.5), hi: f64(1.7) }), 0)).toBeCloseTo(0.6);
    expect(halfInterval(column(f64(1)), 0)).toBeNaN();
  });

  test("the noise of small slices is that of their intervals, else that of shares", () => {
    const values = column(f64(0.5, 0.5, 0.5), { lo: f64(0.4, 0.3, NaNs), hi: f64(0.6, 0.7, NaNs) });
    expect(noiseOf(rowsTo(3), values, f64(100, 25, 9), 0.5, [0, 1])).toEqual({
      width: expect.closeTo(1),
      from: "intervals",
    });
    const plain = column(f64(0.5));
    expect(noiseOf(rowsTo(1), plain, f64(9), 0.5, [0, 1])?.width).toBeCloseTo(0.98);
    expect(noiseOf(rowsTo(1), plain, f64(9), 0.5, undefined)).toBeUndefined();
  });

  test("cells keep four digits, differences and intervals two", () => {
    expect(formatCell(0.61, false)).toBe("0.6100");
    expect(formatCell(1, false)).toBe("1.000");
    expect(formatCell(12345, true)).toBe("12,345");
    expect(formatDifference(0.2, false)).toBe("+0.20");
    expect(formatDifference(1234, true)).toBe("+1,234");
    expect(formatHalf(0.01049)).toBe("0.010");
    expect(formatCell(0, false)).toBe("0");
  });
});

describe("structured values", () => {
  test("classes are in numeric order, zeros are there, no prediction is last", () => {
    const entry = (actual: number, predicted: number, count: number): object => ({
      ...(actual ? { actualClassId: actual } : {}),
      predictedClassId: predicted,
      numWeightedExamples: count,
    });
    const value = {
      multiClassConfusionMatrixAtThresholds: {
        matrices: [
          { threshold: 0.5, entries: [entry(10, 2, 3), entry(2, 10, 1), entry(0, -1, 4)] },
        ],
      },
    };
    const shown = structuredTables(value);
    expect(shown).toMatchObject({
      kind: "classes",
      matrices: [{ threshold: 0.5, matrix: { classes: [0, 2, 10], hasNone: true, width: 4 } }],
    });
    if (shown.kind !== "classes") throw new Error("not a matrix");
    expect([...shown.matrices[0]!.matrix.cells]).toEqual([0, 0, 0, 4, 0, 0, 1, 0, 0, 3, 0, 0]);
    expect([...shown.matrices[0]!.matrix.rowTotals]).toEqual([4, 1, 3]);
    expect(shortForm(value)).toBe("3 × 4 classes");
  });

  test("matrices at thresholds tell what JSON leaves out as 0", () => {
    const value = {
      confusionMatrixAtThresholds: {
        matrices: [{ threshold: 0.5, truePositives: 3, precision: "NaN" }],
      },
    };
    expect(structuredTables(value)).toMatchObject({
      kind: "table",
      rows: [["0.5", "–", "0", "3", "0", "0", "0"]],
    });
    expect(shortForm(value)).toBe("1 threshold");
  });

  test("values at cutoffs, arrays, texts, and what is none of these", () => {
    const cutoffs = { valueAtCutoffs: { values: [{ cutoff: 1, value: 0.5 }, { cutoff: 3 }] } };
    expect(shortForm(cutoffs)).toBe("@1 0.5, @3 0");
    expect(
      shortForm({ arrayValue: { dataType: "INT64", shape: [2], int64Values: ["1", "2"] } }),
    ).toBe("[1, 2]");
    expect(shortForm({ bytesValue: btoa("text") })).toBe("text");
    expect(shortForm({ debugMessage: "too few examples" })).toBe("too few examples");
    expect(shortForm({ odd: true })).toBe('{"odd":true}');
  });
});
