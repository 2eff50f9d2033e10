import { describe, expect, it } from "vitest";
import { formatState, parseState } from "../../src/state/grammar";
import { DEFAULTS, type State } from "../../src/state/state";

const chosen: State = {
  ...DEFAULTS,
  v: "slices",
  c: "hist",
  run: "2024-06-01T03:00:00 #7",
  feat: "carrier × origin",
  out: ["a,b", "c"],
  m: ["auc", "loss/head,1", "-odd", "p@0.5"],
  x: "auc",
  s: [
    { by: "-odd", descending: true },
    { by: "slice", descending: false },
  ],
  cs: { by: "-odd", descending: false },
  w: 12.5,
  q: "a&b=c#d%20 ü 🦋",
  b: 25,
  log: true,
  k: "both",
  f: { metric: "loss:x..y", lo: -0.25, hi: 1e-7 },
  thr: [0.3, 0.7],
  sel: "carrier:UA_X_origin:a/b:c",
  theme: "dark",
  h: [],
  only: true,
};

describe("the grammar of addresses", () => {
  it("says nothing of what is as it is by default", () => {
    expect(formatState(DEFAULTS)).toBe("");
  });

  it("restores all that it says", () => {
    expect(parseState(`#${formatState(chosen)}`).state).toEqual(chosen);
  });

  it("tells no cards from the default cards", () => {
    expect(parseState(formatState({ ...DEFAULTS, h: [] })).state.h).toEqual([]);
    expect(parseState(formatState({ ...DEFAULTS, h: null })).state.h).toBeNull();
    expect(parseState(formatState({ ...DEFAULTS, h: ["-"] })).state.h).toEqual(["-"]);
  });

  it("keeps what it does not know, and passes over what makes no sense", () => {
    const { state, rest } = parseState("#v=nowhere&b=900&w=-1&f=1..2&zz=1&flag&k=both&m=%E0%A4%A");
    expect(state).toEqual({ ...DEFAULTS, k: "both", m: ["%E0%A4%A"] });
    expect(rest).toEqual(["zz=1", "flag"]);
    expect(formatState(state, rest)).toContain("zz=1&flag");
  });

  it.each(["__proto__=1", "constructor=1", "toString"])("is not misled by %s", (address) => {
    expect(parseState(address)).toEqual({ state: DEFAULTS, rest: [address] });
  });

  it("writes a lone surrogate as the replacement character", () => {
    expect(formatState({ ...DEFAULTS, q: "\ud800" })).toBe("q=%EF%BF%BD");
  });
});
