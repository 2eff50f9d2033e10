import { describe, expect, it } from "vitest";
import type { Host, Request } from "../../src/hosts/host";
import type { Report } from "../../src/report/contract";
import { Store } from "../../src/state/store";

const empty: Report = {
  schema: "report/1",
  title: "",
  runs: [],
  metrics: [],
  slices: { name: [], keys: [] },
  values: {},
};
const first: Report = {
  ...empty,
  runs: [{ id: "1", name: "one" }],
  slices: { name: ["Overall", "a_b:x:y"], keys: [[], [["a_b", "x:y"]]] },
  on_demand: ["run"],
  initial: "v=slices&zz=1",
};

class Recorder implements Host {
  readonly kind = "served";
  readonly asked: Request[] = [];
  readonly events: [string, Record<string, unknown>][] = [];
  readonly kept: [string, boolean][] = [];
  fails = false;

  async request(what: Request): Promise<Report> {
    this.asked.push(what);
    if (this.fails) throw new Error("no such run");
    return { ...empty, runs: [{ id: "2", name: "two" }] };
  }
  emit(event: string, data: Record<string, unknown>): void {
    this.events.push([event, data]);
  }
  keepState(text: string, isStep: boolean): void {
    this.kept.push([text, isStep]);
  }
  link(text: string): string {
    return text;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 120));

describe("a store", () => {
  it("begins as the report says, or as the address says", () => {
    expect(new Store(first, new Recorder()).address).toBe("v=slices&zz=1");
    expect(new Store(first, new Recorder(), "#v=history").state.value.v).toBe("history");
  });

  it("keeps several changes as one, and says whether they are a step", async () => {
    const host = new Recorder();
    const store = new Store(first, host);
    store.set({ q: "x" });
    store.set({ q: "xy" });
    await settled();
    store.set({ v: "history" });
    store.set({ q: "" });
    await settled();
    store.set({ q: "" });
    await settled();
    expect(host.kept).toEqual([
      ["v=slices&q=xy&zz=1", false],
      ["v=history&zz=1", true],
    ]);
  });

  it("tells which slice was selected, with values that have colons in them", () => {
    const host = new Recorder();
    new Store(first, host).select("a_b:x:y");
    expect(host.events[0]).toEqual([
      "slice-selected",
      {
        slice: { a_b: "x:y" },
        slice_name: "a_b:x:y",
        run: "1",
        sliceName: "a_b",
        sliceValue: "x:y",
      },
    ]);
  });

  it("asks for a part once, and again where it did not come", async () => {
    const host = new Recorder();
    const store = new Store(first, host);
    host.fails = true;
    await store.need({ kind: "run", run: "2" });
    expect(store.failure.value).toBe("no such run");
    host.fails = false;
    await Promise.all([
      store.need({ kind: "run", run: "2" }),
      store.need({ kind: "run", run: "2" }),
    ]);
    expect(host.asked).toHaveLength(2);
    expect(store.failure.value).toBe("");
    expect(store.model.runs.map((run) => run.id)).toEqual(["1", "2"]);
    expect(store.run.value?.id).toBe("2");
  });

  it("does not ask for what the host does not give", async () => {
    const host = new Recorder();
    await new Store(first, host).need({ kind: "plots", run: "1", slice: "Overall" });
    expect(host.asked).toEqual([]);
  });
});
