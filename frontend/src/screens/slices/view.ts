import { computed, type ReadonlySignal } from "@preact/signals";
import { spreadOf } from "../../logic/difference";
import { byLabel, classesOf, ofOutputs, outputsOf } from "../../logic/metric_choice";
import { naturalRanks } from "../../logic/natural";
import {
  presence,
  rowsWhere,
  withFeatures,
  withRange,
  withText,
  withWeight,
} from "../../logic/rows";
import { type SortColumn, sortRows } from "../../logic/sort";
import type { Metric } from "../../report/contract";
import type { Values } from "../../report/model";
import { OVERALL } from "../../report/slices";
import type { Chart, SortKey } from "../../state/state";
import type { Store } from "../../state/store";

/** How "slice" is called among what is sorted by. */
export const SLICE = "slice";
/** No baseline slice. */
export const NONE = "-";
/** Up to so many slices are shown one by one. */
const FEW = 50;

/** What the parts of the screen show, computed of the report and the state. */
export class SlicesView {
  readonly run = computed(() => this.store.run.value?.id ?? "");
  readonly base = computed(() => this.store.base.value?.id ?? "");

  /** All metrics that the run has values of, by label. */
  readonly all: ReadonlySignal<Metric[]> = computed(() => {
    const { model } = this.seen();
    const ids = new Set([...model.metricsOf(this.run.value), ...model.complexOf(this.run.value)]);
    return byLabel([...model.metrics.values()].filter((metric) => ids.has(metric.id)));
  });
  readonly outputs = computed(() => outputsOf(this.all.value));
  readonly classes = computed(() => classesOf(this.all.value));
  /** Those of the chosen outputs and classes. */
  readonly available = computed(() => {
    const { out, cls } = this.state.value;
    return ofOutputs(this.all.value, out, cls);
  });
  /** Those that are columns, in order. */
  readonly columns = computed(() => {
    const chosen = this.chosen.value;
    const byId = new Map(this.available.value.map((metric) => [metric.id, metric]));
    const found = chosen.flatMap((id) => byId.get(id) ?? []);
    return found.length > 0 ? found : this.available.value;
  });
  /** Names of chosen metrics that the run does not have. */
  readonly unknown = computed(() => {
    const ids = new Set(this.all.value.map((metric) => metric.id));
    return this.chosen.value.filter((id) => !ids.has(id));
  });
  /** Columns of numbers. */
  readonly numeric = computed(() => this.columns.value.filter((one) => this.values(one.id)));
  /** The metric of the charts. */
  readonly chartMetric = computed(() => {
    const chosen = this.state.value.x;
    if (chosen && this.values(chosen)) return this.store.model.metrics.get(chosen);
    const numeric = this.numeric.value;
    return (
      numeric.find((one) => one.kind !== "count" && one.id !== this.weightId.value) ?? numeric[0]
    );
  });

  readonly weightId = computed(() => this.seen().model.source.weight ?? "");
  readonly weights = computed(() => this.values(this.weightId.value)?.v);
  /** The largest weight. */
  readonly mostWeight = computed(() => {
    const weights = this.weights.value;
    return weights ? this.cut.value.reduce((most, row) => Math.max(most, weights[row] || 0), 0) : 0;
  });

  /** The row of the slice that others are compared with; -1 where there is none. */
  readonly baseline = computed(() => {
    const { model } = this.seen();
    const { bl } = this.state.value;
    if (bl === NONE) return -1;
    return model.slices.row(bl) ?? model.slices.row(model.source.baseline_slice ?? OVERALL) ?? -1;
  });
  readonly selected = computed(() => this.seen().model.slices.row(this.state.value.sel) ?? -1);

  /** The rows that the run has, by name. */
  readonly present = computed(() => sortRows(this.unsorted.value, [this.byName.value]));
  private readonly unsorted = computed(() => {
    const { model } = this.seen();
    const run = this.run.value;
    const columns = model.metricsOf(run).map((metric) => model.column(run, metric)!);
    const found = presence(model.slices.size, columns);
    const isComplex = model.complexOf(run).length > 0;
    return rowsWhere(found.length, (row) => {
      return found[row] === 1 || (isComplex && model.has(run, row));
    });
  });
  /** Those with the chosen features. */
  readonly cut = computed(() => {
    return withFeatures(this.present.value, this.seen().model.slices, this.feat.value);
  });
  /** Those that are heavy enough and have the text in their name. */
  private readonly filtered = computed(() => {
    const heavy = withWeight(this.cut.value, this.weights.value, this.weight.value);
    return withText(heavy, this.lowered.value, this.text.value);
  });
  /** All that pass the filters but for a range on the chart's own metric. */
  readonly pool = computed(() => {
    const range = this.range.value;
    return range && range.metric !== this.chartMetric.value?.id
      ? this.inRange(this.filtered.value)
      : this.filtered.value;
  });
  /** All that pass the filters, by name. */
  readonly rowsByName = computed(() => this.inRange(this.filtered.value));
  /** All that pass the filters, in the order of the table. */
  readonly rows = computed(() => this.inRange(this.sorted.value));
  private readonly sorted = computed(() => this.sort(this.filtered.value, this.order.value));

  /** The chart; by default that for few or for many slices. */
  readonly chart = computed<Chart>(() => {
    const byNumber = this.cut.value.length <= FEW ? "overview" : "hist";
    return this.state.value.c || byNumber;
  });

  // parts of the state of their own, so that what depends on one is left alone by the others
  private readonly chosen = computed(() => this.state.value.m);
  private readonly feat = computed(() => this.state.value.feat);
  private readonly weight = computed(() => this.state.value.w);
  private readonly text = computed(() => this.state.value.q);
  private readonly order = computed(() => this.state.value.s);
  readonly range = computed(() => this.state.value.f);

  /** A width, in pixels, for most names. */
  readonly nameWidth = computed(() => {
    const longest = this.present.value.reduce(
      (most, row) => Math.max(most, this.name(row).length),
      0,
    );
    return Math.max(110, Math.min(320, 30 + 7 * longest));
  });
  private readonly isSearching = computed(() => this.text.value !== "");
  private readonly lowered = computed(() => {
    return this.isSearching.value
      ? this.seen().model.slices.names.map((name) => name.toLowerCase())
      : [];
  });
  /** By row, the place of its name in natural order; Overall is the first. */
  private readonly byName = computed<SortColumn>(() => {
    const { names, keys } = this.seen().model.slices;
    const values = naturalRanks(names.map((name, row) => (keys[row]!.length > 0 ? name : "")));
    return { values, descending: false };
  });

  /** What was computed of the rows that there are. */
  private readonly spreads = computed(() => {
    this.present.value;
    return new Map<string, number>();
  });

  constructor(readonly store: Store) {}

  private get state() {
    return this.store.state;
  }

  /** The numbers of a metric in the run that is shown. */
  values(metric: string): Values | undefined {
    return this.seen().model.column(this.run.value, metric);
  }

  /** The numbers of a metric in the run that is compared with. */
  baseValues(metric: string): Values | undefined {
    return this.base.value ? this.seen().model.column(this.base.value, metric) : undefined;
  }

  /** How much a metric varies over all slices of the run. */
  spread(metric: string): number {
    const known = this.spreads.value;
    const spread = known.get(metric) ?? spreadOf(this.present.value, this.values(metric)!.v);
    known.set(metric, spread);
    return spread;
  }

  name(row: number): string {
    return this.store.model.slices.names[row] ?? "";
  }

  /** Whether differences of a metric are told: how many examples a slice has says nothing of itself. */
  compares(metric: Metric): boolean {
    return this.base.value !== "" || (this.baseline.value >= 0 && metric.kind !== "count");
  }

  /** What a row's value of a metric is compared with: its own in the other run, or the baseline's. */
  reference(metric: Metric, row: number): number {
    if (this.base.value) return this.baseValues(metric.id)?.v[row] ?? Number.NaN;
    const baseline = this.baseline.value;
    if (baseline === row || !this.compares(metric)) return Number.NaN;
    return this.values(metric.id)?.v[baseline] ?? Number.NaN;
  }

  /** Rows in order of keys; those that are equal stay in order of their names. */
  sort(rows: Int32Array, keys: readonly SortKey[]): Int32Array {
    const columns = keys.flatMap(({ by, descending }): SortColumn[] => {
      const values = by === SLICE ? this.byName.value.values : this.values(by)?.v;
      return values ? [{ values, descending }] : [];
    });
    return sortRows(rows, columns);
  }

  private inRange(rows: Int32Array): Int32Array {
    const range = this.range.value;
    return range ? withRange(rows, this.values(range.metric)?.v, range.lo, range.hi) : rows;
  }

  /** The store, noting that what is computed depends on what parts there are. */
  private seen(): Store {
    this.store.version.value;
    return this.store;
  }
}
