import { describe, expect, test } from "vitest";
import { limitText, ruleText, sortReasons, verdictTitle } from "../src/logic/reasons";
import { worstSlices } from "../src/logic/worst_slices";
import type { Column, Metric, Report } from "../src/report/contract";
import { Model } from "../src/report/model";

function modelOf(metric: Partial<Metric>, column: Column, n?: number[]): Model {
  const names = ["Overall", ...Array.from({ length: 40 }, (_, index) => `s:${index}`)];
  const size = (column.v as number[]).length;
  const report: Report = {
    schema: "report/1",
    title: "summary",
    runs: [{ id: "r", name: "run" }],
    metrics: [
      { id: "m", label: "m", kind: "float", better: "up", ...metric },
      { id: "n", label: "n", kind: "count", better: "none" },
    ],
    ...(n ? { weight: "n" } : {}),
    slices: {
      name: names.slice(0, size),
      keys: names.slice(0, size).map((name) => (name === "Overall" ? [] : [["s", name.slice(2)]])),
    },
    values: { r: { m: column, ...(n ? { n: { v: n } } : {}) } },
  };
  return new Model(report);
}

const rank = (model: Model, count = 5) =>
  worstSlices(model, model.runs[0]!, model.metrics.get("m")!, 0, count);
const rows = (model: Model): number[] => rank(model).worst.map(({ row }) => row);

describe("worstSlices", () => {
  test("goes by what intervals leave of the difference", () => {
    const model = modelOf(
      {},
      {
        v: [0.9, 0.5, 0.8, 0.95, null],
        lo: [0.89, 0.05, 0.79, 0.9, null],
        hi: [0.91, 0.95, 0.81, 1, null],
        level: 0.95,
      },
      [1000, 3, 900, 90, 0],
    );
    const found = rank(model);
    expect(found.shrinkage).toBe("interval");
    expect(found.compared).toBe(3);
    expect(found.worst.map(({ row }) => row)).toEqual([2, 1]);
    expect(found.worst[0]!.score).toBeCloseTo(0.1 - Math.hypot(0.01, 0.01));
    expect(found.worst[1]!.score).toBeLessThan(0);
  });

  test("does not trust an interval of no width", () => {
    const model = modelOf(
      {},
      { v: [0.9, 0.6, 0.8, 0.7], lo: [0.89, 0.6, 0.79, 0.6], hi: [0.91, 0.6, 0.81, 0.8] },
      [1000, 1, 900, 9],
    );
    expect(rows(model)).toEqual([3, 2, 1]);
    expect(rank(model).worst[2]!.score).toBeLessThan(0);
  });

  test("turns round where lower is better", () => {
    const model = modelOf(
      { better: "down" },
      { v: [0.2, 0.5, 0.1], lo: [0.19, 0.4, 0], hi: [0.21, 0.6, 0.2] },
    );
    expect(rows(model)).toEqual([1]);
    expect(rank(modelOf({ better: "none" }, { v: [1, 2] })).worst).toEqual([]);
  });

  test("lets no slice of one example win a share, and takes a large one that is surely worse", () => {
    const model = modelOf({ range: [0, 1] }, { v: [0.95, 0, 0.85, 0] }, [10000, 1, 1000, 8]);
    const found = rank(model);
    expect(found.shrinkage).toBe("share");
    expect(found.worst.map(({ row }) => row)).toEqual([3, 2, 1]);
    expect(found.worst[2]!.score).toBeLessThan(0);
  });

  test("widens with the number of slices: of many, some are far off by chance", () => {
    const column = (count: number): Column => ({
      v: [0.9, ...Array.from({ length: count }, () => 0.85)],
      lo: [0.9, ...Array.from({ length: count }, () => 0.81)],
      hi: [0.9, ...Array.from({ length: count }, () => 0.89)],
    });
    expect(rank(modelOf({}, column(2))).widening).toBe(1);
    expect(rank(modelOf({}, column(2))).worst[0]!.score).toBeGreaterThan(0);
    const many = rank(modelOf({}, column(40)));
    expect(many.widening).toBeCloseTo(Math.sqrt(2 * Math.log(40)) / 1.96);
    expect(many.worst[0]!.score).toBeLessThan(0);
  });

  test("weighs what is no share, and says when it knows nothing", () => {
    const loss = modelOf({ better: "down" }, { v: [1, 9, 3, 2] }, [1000, 1, 500, 100]);
    expect(rank(loss).shrinkage).toBe("weight");
    expect(rows(loss)).toEqual([2, 3, 1]);
    expect(rank(modelOf({ better: "down" }, { v: [1, 9, 3] })).shrinkage).toBe("none");
  });

  test("has nothing to say without the baseline slice's value", () => {
    expect(rank(modelOf({}, { v: [null, 1] })).worst).toEqual([]);
  });
});

describe("verdicts", () => {
  test("a missing one is told as such", () => {
    const { words, told } = verdictTitle(undefined);
    expect(`${words} ${told}`).toBe("Not validated: no checks were configured.");
  });

  test("says how many checks failed and what is missing", () => {
    const verdict = {
      verdict: "NOT_BLESSED" as const,
      reasons: [{ failed: false, rule: "checked" }, { failed: true }, { failed: true }],
      missing_slices: ["hour"],
    };
    expect(verdictTitle(verdict)).toMatchObject({
      words: "Not blessed",
      told: "· 2 checks failed, 1 slice missing",
      tone: "bad",
    });
    expect(sortReasons(verdict.reasons).failed).toHaveLength(2);
    expect(verdictTitle({ verdict: "BLESSED", reasons: [] }).told).toBe("· no check failed");
  });

  test("tells bounds, limits and rules in words", () => {
    expect(limitText({ failed: true, lower: 0.5, upper: 0.75, limit: 0.5 })).toBe("≥ 0.5, ≤ 0.75");
    expect(limitText({ failed: true, lower: null, limit: 0.25 })).toBe("0.25");
    expect(limitText({ failed: true, rule: "change_relative", limit: 0.25 })).toBe("25 %");
    expect(limitText({ failed: false })).toBe("–");
    expect(ruleText({ failed: true, rule: "value_lower" })).toContain("below");
    expect(ruleText({ failed: true, rule: "odd_rule" })).toBe("odd rule");
    expect(ruleText({ failed: true, rule: "odd_rule", message: "Said." })).toBe("Said.");
  });
});
