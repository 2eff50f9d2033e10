import { expect, test } from "vitest";
import type { Host } from "../src/hosts/host";
import type { Report } from "../src/report/contract";
import { sortedBy } from "../src/screens/slices/table_panel";
import { SlicesView } from "../src/screens/slices/view";
import { Store } from "../src/state/store";

const host: Host = { kind: "file", emit: () => {}, keepState: () => {}, link: (text) => text };

const report: Report = {
  schema: "report/1",
  title: "",
  runs: [
    { id: "old", name: "old" },
    { id: "new", name: "new" },
  ],
  metrics: [
    { id: "loss", label: "loss", kind: "float", better: "down" },
    { id: "auc", label: "auc", kind: "float", better: "up" },
    { id: "n", label: "n", kind: "count", better: "none" },
    { id: "cm", label: "cm", kind: "matrix", better: "none" },
  ],
  weight: "n",
  baseline_slice: "Overall",
  slices: {
    name: ["hour:10", "hour:9", "Overall", "hour:2", "gone:1", "hour_X_day:1_X_2"],
    keys: [
      [["hour", "10"]],
      [["hour", "9"]],
      [],
      [["hour", "2"]],
      [["gone", "1"]],
      [
        ["hour", "1"],
        ["day", "2"],
      ],
    ],
  },
  values: {
    old: { auc: { v: [0.6, 0.6, 0.6, 0.6, 0.6] } },
    new: {
      auc: { v: [0.7, null, 0.8, 0.9, null, 0.5], why: { 1: "NaN" } },
      n: { v: [10, 20, 100, 5, null, 1] },
      loss: { v: [1, 2, 3, 4, null, 5] },
    },
  },
  complex: { new: { cm: { 0: { debugMessage: "x" } } } },
};

function viewOf(address = ""): SlicesView {
  return new SlicesView(new Store(report, host, address));
}

function namesOf(view: SlicesView, rows = view.rows.value): string[] {
  return Array.from(rows, (row) => view.name(row));
}

test("shows the slices of the newest run, by name, Overall first", () => {
  const names = ["Overall", "hour:2", "hour:9", "hour:10", "hour_X_day:1_X_2"];
  expect(namesOf(viewOf())).toEqual(names);
});

test("sorts by metrics, missing last both ways, equals by name", () => {
  expect(namesOf(viewOf("s=auc"))).toEqual([
    "hour_X_day:1_X_2",
    "hour:10",
    "Overall",
    "hour:2",
    "hour:9",
  ]);
  expect(namesOf(viewOf("s=-auc")).at(-1)).toBe("hour:9");
  expect(namesOf(viewOf("run=old&s=-auc"))).toEqual([
    "Overall",
    "gone:1",
    "hour:2",
    "hour:9",
    "hour:10",
  ]);
  expect(namesOf(viewOf("s=-slice"))[0]).toBe("hour_X_day:1_X_2");
});

test("all metrics are columns, by label; chosen ones in their order", () => {
  const ids = (view: SlicesView): string[] => view.columns.value.map(({ id }) => id);
  expect(ids(viewOf())).toEqual(["auc", "cm", "loss", "n"]);
  expect(ids(viewOf("m=n,nonsense,auc"))).toEqual(["n", "auc"]);
  expect(viewOf("m=n,nonsense,auc").unknown.value).toEqual(["nonsense"]);
  expect(ids(viewOf("m=nonsense"))).toEqual(["auc", "cm", "loss", "n"]);
  expect(ids(viewOf("run=old"))).toEqual(["auc"]);
});

test("the chart's metric is the first that is no count", () => {
  expect(viewOf().chartMetric.value?.id).toBe("auc");
  expect(viewOf("m=n,loss").chartMetric.value?.id).toBe("loss");
  expect(viewOf("x=n").chartMetric.value?.id).toBe("n");
  expect(viewOf("x=cm").chartMetric.value?.id).toBe("auc");
});

test("filters all by weight, text, features and range", () => {
  expect(namesOf(viewOf("w=10"))).toEqual(["Overall", "hour:9", "hour:10"]);
  expect(namesOf(viewOf("q=HOUR:1"))).toEqual(["hour:10"]);
  expect(namesOf(viewOf("feat=hour"))).toEqual(["hour:2", "hour:9", "hour:10"]);
  expect(namesOf(viewOf("feat=*crossed"))).toEqual(["hour_X_day:1_X_2"]);
  expect(namesOf(viewOf("f=auc:0.7..0.8"))).toEqual(["Overall", "hour:10"]);
});

test("a range on the chart's metric leaves what the chart is of", () => {
  const view = viewOf("f=auc:0.7..0.8");
  expect(view.pool.value).toHaveLength(5);
  view.store.set({ x: "loss" });
  expect(namesOf(view, view.pool.value)).toEqual(["Overall", "hour:10"]);
});

test("compares with the baseline slice, or with the other run", () => {
  const auc = report.metrics[1]!;
  const row = (view: SlicesView): number => view.store.model.slices.row("hour:2")!;
  expect(viewOf().reference(auc, row(viewOf()))).toBe(0.8);
  expect(viewOf("bl=hour:10").reference(auc, row(viewOf()))).toBe(0.7);
  expect(viewOf("bl=-").reference(auc, row(viewOf()))).toBeNaN();
  expect(viewOf("base=old").reference(auc, row(viewOf()))).toBe(0.6);
  expect(viewOf().reference(report.metrics[2]!, row(viewOf()))).toBeNaN();
});

test("a header's clicks sort downward, upward, not at all", () => {
  const once = sortedBy([], "auc", false);
  const twice = sortedBy(once, "auc", false);
  expect(once).toEqual([{ by: "auc", descending: true }]);
  expect(twice).toEqual([{ by: "auc", descending: false }]);
  expect(sortedBy(twice, "auc", false)).toEqual([]);
  expect(sortedBy(once, "n", true)).toEqual([...once, { by: "n", descending: true }]);
  expect(sortedBy([...twice, ...sortedBy([], "n", false)], "auc", true)).toEqual([
    { by: "n", descending: true },
  ]);
  expect(sortedBy([...once, { by: "n", descending: true }], "n", false)).toEqual([
    { by: "n", descending: false },
  ]);
});
