import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Host, Request } from "../hosts/host";
import { plural } from "../logic/format";
import type { Report, Run } from "../report/contract";
import { Model } from "../report/model";
import { formatState, parseState } from "./grammar";
import { DEFAULTS, type Screen, STEPS, type State } from "./state";

/** How long changes are gathered before the host keeps them, in milliseconds. */
const SETTLE = 80;

/** A key that does something. */
export interface Shortcut {
  key: string;
  what: string;
  run(): void;
}

/** The report, the state of its view, and what changes them. */
export class Store {
  readonly model: Model;
  readonly host: Host;
  readonly state: Signal<State>;
  /** Grows when parts were merged into the model: what is computed of the model reads it. */
  readonly version = signal(0);
  /** How many parts are being fetched. */
  readonly coming = signal(0);
  /** What went wrong last, for people. */
  readonly failure = signal("");
  /** What is told to people who cannot see, and shown briefly. */
  readonly notice = signal("");
  readonly shortcuts = signal<readonly Shortcut[]>([]);
  /** The run that is shown. */
  readonly run: ReadonlySignal<Run | undefined>;
  /** The run that it is compared with; undefined where none was chosen. */
  readonly base: ReadonlySignal<Run | undefined>;
  private rest: string[] = [];
  private readonly asked = new Map<string, Promise<void>>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private step = false;

  constructor(report: Report, host: Host, address = "") {
    this.model = new Model(report);
    this.host = host;
    const initial = parseState(report.initial ?? "");
    const { state, rest } = parseState(address || (report.initial ?? ""));
    this.rest = address ? rest : initial.rest;
    this.state = signal(state);
    this.run = computed(() => {
      this.version.value;
      return this.model.run(this.state.value.run) ?? this.model.runs.at(-1);
    });
    this.base = computed(() => {
      this.version.value;
      return this.model.run(this.state.value.base);
    });
  }

  /** Changes some of the state. */
  set(patch: Partial<State>): void {
    const before = this.state.peek();
    const after = { ...before, ...patch };
    const changed = (Object.keys(patch) as (keyof State)[]).filter(
      (name) => !equal(before[name], after[name]),
    );
    if (changed.length === 0) return;
    this.state.value = after;
    this.step ||= changed.some((name) => STEPS.includes(name));
    this.settle();
  }

  /** Puts back to their defaults all that is not chosen by `keep`. */
  reset(keep: readonly (keyof State)[]): void {
    const now = this.state.peek();
    this.set({ ...DEFAULTS, ...Object.fromEntries(keep.map((name) => [name, now[name]])) });
  }

  /** The state as text, as addresses carry it. */
  get address(): string {
    return formatState(this.state.value, this.rest);
  }

  /** Takes a state from outside: an address that was followed, or Python. */
  readAddress(address: string): void {
    const { state, rest } = parseState(address);
    this.rest = rest;
    this.state.value = state;
  }

  go(screen: Screen, patch: Partial<State> = {}): void {
    this.set({ ...patch, v: screen });
  }

  /** Selects a slice, and tells the host. */
  select(name: string): void {
    this.set({ sel: name });
    const row = this.model.slices.row(name);
    if (name === "" || row === undefined) return;
    const key = this.model.slices.keys[row]!;
    const features = key.map(([feature]) => feature);
    const values = key.map(([, value]) => value);
    this.host.emit("slice-selected", {
      slice: Object.fromEntries(key.map(([feature, value]) => [feature, value])),
      slice_name: name,
      run: this.run.peek()?.id ?? "",
      // as TFMA named them
      sliceName: features.join("_X_") || name,
      sliceValue: values.join("_X_"),
    });
  }

  /** Says something to people. */
  say(text: string): void {
    this.notice.value = text;
  }

  /** Has the host give a part, once; nothing where it cannot. */
  need(what: Request): Promise<void> {
    const request = this.host.request?.bind(this.host);
    const name = JSON.stringify(what);
    const known = this.asked.get(name);
    if (!request || !this.gives(what)) return Promise.resolve();
    if (known) return known;
    const asked = this.take(request(what)).then((isHere) => {
      if (!isHere) this.asked.delete(name);
    });
    this.asked.set(name, asked);
    return asked;
  }

  /** Reads anew what the host has, such as runs that came since. */
  async refresh(): Promise<void> {
    const refresh = this.host.refresh?.bind(this.host);
    if (!refresh) return;
    this.asked.clear();
    const before = this.model.runs.length;
    if (await this.take(refresh())) {
      const more = this.model.runs.length - before;
      this.say(more > 0 ? `${plural(more, "run")} more` : "No more runs since");
    }
  }

  /** Registers a key while a part of the page is shown; returns what undoes it. */
  shortcut(shortcut: Shortcut): () => void {
    this.shortcuts.value = [...this.shortcuts.peek(), shortcut];
    return () => {
      this.shortcuts.value = this.shortcuts.peek().filter((one) => one !== shortcut);
    };
  }

  /** Merges a part when it comes; tells whether it came. */
  private async take(part: Promise<Report>): Promise<boolean> {
    this.coming.value++;
    try {
      const report = await part;
      batch(() => {
        this.model.merge(report);
        this.version.value++;
        this.failure.value = "";
      });
      return true;
    } catch (error) {
      this.failure.value = error instanceof Error ? error.message : String(error);
      return false;
    } finally {
      this.coming.value--;
    }
  }

  private gives(what: Request): boolean {
    return (this.model.source.on_demand ?? []).includes(what.kind);
  }

  private settle(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const address = this.address;
      this.host.keepState(address, this.step);
      this.host.emit("state-changed", { state: address });
      this.step = false;
    }, SETTLE);
  }
}

function equal(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
