import { describe, expect, it } from "vitest";
import { baseRunOf } from "../src/logic/base_run";
import { evaluatorsOf } from "../src/logic/evaluators";
import { historyOf } from "../src/logic/run_axis";
import { Model } from "../src/report/model";

const run = (id: string, node: string) => ({ id, name: id, pipeline: "flights", node });
const runs = [run("1", "hold-out"), run("2", "next"), run("3", "hold-out"), run("4", "next")];
const model = new Model({
  schema: "report/1",
  title: "",
  runs,
  metrics: [],
  slices: { name: [], keys: [] },
  values: {},
});

describe("runs of several evaluators", () => {
  it("have a history each", () => {
    expect(historyOf(runs, runs[3]).map(({ id }) => id)).toEqual(["2", "4"]);
    expect(historyOf(runs)).toHaveLength(4);
    expect(evaluatorsOf(runs).map(({ id }) => id)).toEqual(["3", "4"]);
  });

  it("are compared with the run before of the same evaluator", () => {
    expect(baseRunOf(model, model.run("4")!, "")?.id).toBe("2");
    expect(baseRunOf(model, model.run("2")!, "")).toBeUndefined();
    expect(baseRunOf(model, model.run("4")!, "3")?.id).toBe("3");
  });
});
