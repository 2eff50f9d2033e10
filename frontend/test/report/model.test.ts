import { describe, expect, it } from "vitest";
import type { Report } from "../../src/report/contract";
import { Model, ReportError } from "../../src/report/model";
import { decode } from "../../src/report/numbers";

function report(part: Partial<Report> = {}): Report {
  return {
    schema: "report/1",
    title: "flights",
    runs: [{ id: "1", name: "one", complete: false }],
    metrics: [{ id: "auc", label: "auc", kind: "float", better: "up" }],
    slices: { name: ["Overall", "a:1"], keys: [[], [["a", "1"]]] },
    values: {
      "1": { auc: { v: [0.5, null], lo: [0.4, null], hi: [0.6, null], why: { 1: "NaN" } } },
    },
    ...part,
  };
}

const part = report({
  runs: [
    { id: "1", name: "one", complete: true },
    { id: "2", name: "two" },
  ],
  metrics: [{ id: "loss", label: "loss", kind: "float", better: "down" }],
  slices: {
    name: ["b:2_X_a:1", "a:1"],
    keys: [
      [
        ["a", "1"],
        ["b", "2"],
      ],
      [["a", "1"]],
    ],
  },
  values: {
    "1": { auc: { v: [0.9, 0.7] }, loss: { v: [3] } },
    "2": { auc: { v: [0.1] } },
  },
});

describe("a model", () => {
  it("has numbers by run, metric and row", () => {
    const model = new Model(report());
    expect(model.value("1", "auc", 0)).toBe(0.5);
    expect(model.value("1", "auc", 1)).toBeNaN();
    expect(model.column("1", "auc")!.why.get(1)).toBe("NaN");
    expect(model.column("1", "auc")!.hi![0]).toBe(0.6);
    expect(model.column("1", "loss")).toBeUndefined();
    expect(model.value("nowhere", "auc", 0)).toBeNaN();
  });

  it("takes in parts by the names of their slices", () => {
    const model = new Model(report());
    model.merge(part);
    expect(model.slices.names).toEqual(["Overall", "a:1", "b:2_X_a:1"]);
    expect(model.slices.features).toEqual(["", "a", "a × b"]);
    expect([...model.column("1", "auc")!.v]).toEqual([0.5, 0.7, 0.9]);
    expect([...model.column("1", "loss")!.v]).toEqual([Number.NaN, Number.NaN, 3]);
    expect([...model.column("2", "auc")!.v]).toEqual([Number.NaN, Number.NaN, 0.1]);
    expect([...model.column("1", "auc")!.lo!]).toEqual([0.4, Number.NaN, Number.NaN]);
    expect(model.runs.map((run) => run.complete)).toEqual([true, undefined]);
  });

  it("is the same however often a part comes", () => {
    const [once, twice] = [new Model(report()), new Model(report())];
    once.merge(part);
    twice.merge(part);
    twice.merge(part);
    expect(twice.slices.names).toEqual(once.slices.names);
    expect(twice.column("1", "auc")).toEqual(once.column("1", "auc"));
    expect(twice.runs).toEqual(once.runs);
  });

  it("is not misled by slices named like properties of objects", () => {
    const names = ["__proto__", "constructor", "Overall"];
    const model = new Model(
      report({
        slices: { name: names, keys: [[], [], []] },
        values: { "1": { auc: { v: [1, 2, 3] } } },
      }),
    );
    expect(names.map((name) => model.value("1", "auc", model.slices.row(name)!))).toEqual([
      1, 2, 3,
    ]);
  });

  it("refuses what is no report, or a newer one, in plain words", () => {
    expect(() => new Model({} as Report)).toThrow(ReportError);
    expect(() => new Model(report({ schema: "report/2" }))).toThrow(/newer Microtome/);
  });
});

describe("packed numbers", () => {
  const base64 = (bytes: ArrayBuffer): string =>
    btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const values = [1.5, -2.25, Number.NaN, Number.POSITIVE_INFINITY];

  it("are read from base64 and from binary, at any offset", () => {
    const bytes = Float64Array.from(values);
    expect([...decode({ dtype: "f8", n: 4, b64: base64(bytes.buffer) })]).toEqual(values);
    const shifted = new Uint8Array(33);
    shifted.set(new Uint8Array(bytes.buffer), 1);
    const view = new DataView(shifted.buffer, 1);
    expect([...decode({ dtype: "f8", n: 4, bytes: view })]).toEqual(values);
  });

  it("are read as single precision and as whole numbers", () => {
    const single = Float32Array.from(values);
    expect([...decode({ dtype: "f4", n: 4, b64: base64(single.buffer) })]).toEqual(values);
    const whole = Int32Array.from([7, -1]);
    expect([...decode({ dtype: "i4", n: 2, b64: base64(whole.buffer) })]).toEqual([7, -1]);
  });

  it("are refused when they are cut off", () => {
    expect(() => decode({ dtype: "f8", n: 2, b64: base64(new ArrayBuffer(8)) })).toThrow(/need 16/);
    expect(() => decode({ dtype: "f8", n: 2 })).toThrow(/neither/);
  });
});
