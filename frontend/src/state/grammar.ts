import { CHARTS, DEFAULTS, type Range, SCREENS, type SortKey, type State } from "./state";

/** How a value stands in an address. A text that says nothing sensible gives undefined. */
interface Codec<T> {
  write(value: T): string;
  read(text: string): T | undefined;
}

type Codecs = { [K in keyof State]: Codec<State[K]> };

const MAX_BUCKETS = 50;

const text: Codec<string> = { write: encode, read: decode };
const texts: Codec<string[]> = {
  write: (values) => values.map(encode).join(","),
  read: (value) => (value === "" ? [] : value.split(",").map(decode)),
};
const flag: Codec<boolean> = {
  write: (value) => (value ? "1" : "0"),
  read: (value) => value === "1",
};
const numbers: Codec<number[]> = {
  write: (values) => values.join(","),
  read: (value) => value.split(",").map(Number).filter(Number.isFinite),
};
const positive: Codec<number> = {
  write: String,
  read: (value) => (Number(value) >= 0 ? Number(value) : undefined),
};
const buckets: Codec<number> = {
  write: String,
  read: (value) => {
    const number = Math.round(Number(value));
    return number >= 1 && number <= MAX_BUCKETS ? number : undefined;
  },
};
const sortKey: Codec<SortKey> = {
  write: ({ by, descending }) => (descending ? "-" : "") + encode(by),
  read: (value) =>
    value.startsWith("-")
      ? { by: decode(value.slice(1)), descending: true }
      : { by: decode(value), descending: false },
};
const sortChoice: Codec<SortKey | null> = {
  write: (value) => (value ? sortKey.write(value) : ""),
  read: (value) => (value ? sortKey.read(value) : null),
};
const sortKeys: Codec<SortKey[]> = {
  write: (keys) => keys.map(sortKey.write).join(","),
  read: (value) => (value === "" ? [] : value.split(",").map((one) => sortKey.read(one)!)),
};
const range: Codec<Range | null> = {
  write: (value) => (value ? `${encode(value.metric)}:${value.lo}..${value.hi}` : ""),
  read: (value) => {
    const parts = /^([^:]*):(.+)\.\.(.+)$/.exec(value);
    if (!parts) return undefined;
    const [lo, hi] = [Number(parts[2]), Number(parts[3])];
    return Number.isNaN(lo) || Number.isNaN(hi) ? undefined : { metric: decode(parts[1]!), lo, hi };
  },
};

const codecs: Codecs = {
  v: oneOf(SCREENS),
  c: oneOf(CHARTS),
  run: text,
  base: text,
  feat: text,
  out: texts,
  cls: texts,
  m: texts,
  x: text,
  y: text,
  s: sortKeys,
  cs: sortChoice,
  ya: oneOf(["zero", "fit"]),
  w: positive,
  q: text,
  b: buckets,
  log: flag,
  k: oneOf(["slices", "examples", "both"]),
  ib: flag,
  f: range,
  bl: text,
  thr: numbers,
  sel: text,
  theme: oneOf(["dark", "light"]),
  h: {
    // no card at all is a choice, too
    write: (value) => (value?.length ? texts.write(value) : "-"),
    read: (value) => (value === "-" ? [] : texts.read(value)),
  },
  hs: texts,
  ax: oneOf(["model", "data"]),
  ho: sortChoice,
  so: sortChoice,
  p: text,
  ps: texts,
  po: texts,
  fm: texts,
  fs: texts,
  fo: sortChoice,
  fk: oneOf(["bars", "dots"]),
  d: oneOf(["abs", "rel", "ratio"]),
  only: flag,
};

const names = Object.keys(codecs) as (keyof State)[];

/** What a text says, and the pairs in it that are not known. */
export function parseState(address: string): { state: State; rest: string[] } {
  const state: State = { ...DEFAULTS };
  const rest: string[] = [];
  for (const pair of address.replace(/^#/, "").split("&").filter(Boolean)) {
    const cut = pair.indexOf("=");
    const name = cut < 0 ? pair : pair.slice(0, cut);
    if (!Object.hasOwn(codecs, name)) rest.push(pair);
    else if (cut >= 0) assign(state, name as keyof State, pair.slice(cut + 1));
  }
  return { state, rest };
}

/** The state as a text, without what is as it is by default. */
export function formatState(state: State, rest: readonly string[] = []): string {
  const pairs = names.flatMap((name) => {
    const value = write(name, state[name]);
    return value === write(name, DEFAULTS[name]) ? [] : [`${name}=${value}`];
  });
  return [...pairs, ...rest].join("&");
}

function assign<K extends keyof State>(state: State, name: K, value: string): void {
  const read = codecs[name].read(value);
  if (read !== undefined) state[name] = read;
}

function write<K extends keyof State>(name: K, value: State[K]): string {
  return value === null && name === "h" ? "" : codecs[name].write(value);
}

function oneOf<T extends string>(values: readonly T[]): Codec<T | ""> & Codec<T> {
  return {
    write: (value: T | "") => value,
    read: (value: string) => values.find((one) => one === value),
  } as Codec<T | ""> & Codec<T>;
}

function encode(value: string): string {
  // lone surrogates have no encoding; a dash in front means something
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, "\ufffd"))
    .replaceAll("%2F", "/")
    .replace(/^-/, "%2D");
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
