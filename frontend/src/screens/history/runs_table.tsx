import { type Signal, useComputed } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { formatTime, formatValue } from "../../logic/format";
import { hasScreen } from "../../logic/offered";
import { historyOf } from "../../logic/run_axis";
import { sortRuns } from "../../logic/run_order";
import { verdictWords } from "../../logic/run_words";
import type { Metric, Run } from "../../report/contract";
import type { Model } from "../../report/model";
import { useStore } from "../../state/use";
import { type DataColumn, DataTable, nextSort } from "../../ui/data_table";
import { openRun } from "./open_run";

/** The run that the pointer or the focus is on, in a card (with metric and slice) or in the table. */
export interface MarkedRun {
  run: string;
  slice?: string;
  metric?: string;
}

interface Props {
  metrics: readonly Metric[];
  slice: string;
  marked: Signal<MarkedRun | null>;
}

/** All runs, the newest first, with every metric of one slice. */
export function RunsTable({ metrics, slice, marked }: Props) {
  const store = useStore();
  const { model } = store;
  const { ho } = store.state.value;
  const run = store.run.value;
  const version = store.version.value;
  const runs = useMemo(
    () => sortRuns(model, historyOf(model.runs, run), ho, slice),
    [model, version, run, ho, slice],
  );
  const shown = useRef(runs);
  shown.current = runs;
  const place = useComputed(() => {
    const id = marked.value?.run;
    return id === undefined ? -1 : shown.current.findIndex((run) => run.id === id);
  });
  const isOpen = hasScreen(model, "slices");
  const ids = metrics.map(({ id }) => id).join("\n");
  const { columns, mark, open } = useMemo(() => {
    const mark = (index: number): void => {
      const run = runs[index];
      marked.value = run ? { run: run.id } : null;
    };
    const open = isOpen ? (index: number): void => openRun(store, runs[index]!.id) : undefined;
    return { mark, open, columns: columnsOf(model, runs, metrics, slice, { mark, open }) };
  }, [store, version, runs, ids, slice, marked, isOpen]);
  const hasMany = columns.length > 24;
  return (
    <>
      <h2>
        Runs <span class="dim">· metrics of {slice}</span>
      </h2>
      <DataTable
        label="Runs"
        columns={columns}
        count={runs.length}
        rowKey={(index) => runs[index]!.id}
        sort={ho}
        marked={place}
        maxHeight={hasMany ? 190 : 354}
        onSort={(by) => store.set({ ho: nextSort(ho, by) })}
        onRow={open}
        onMark={mark}
      />
    </>
  );
}

interface Actions {
  mark(index: number): void;
  open: ((index: number) => void) | undefined;
}

function columnsOf(
  model: Model,
  runs: readonly Run[],
  metrics: readonly Metric[],
  slice: string,
  { mark, open }: Actions,
): DataColumn[] {
  const row = model.slices.row(slice) ?? -1;
  const names = runs.map(({ name }) => name);
  return [
    {
      id: "run",
      head: "Run",
      width: widthOf(names),
      cell: (index) => {
        const { name } = runs[index]!;
        return open ? (
          <button
            type="button"
            class="link-text"
            title={`Slices of ${name}`}
            onFocus={() => mark(index)}
            onBlur={() => mark(-1)}
            onClick={(event) => {
              event.stopPropagation();
              open(index);
            }}
          >
            {name}
          </button>
        ) : (
          <span title={name}>{name}</span>
        );
      },
    },
    textColumn("model", "Model", runs, (run) => run.model),
    textColumn("data", "Data", runs, (run) => run.data),
    textColumn("started", "Time", runs, (run) => formatTime(run.started)),
    {
      id: "verdict",
      head: "Verdict",
      width: 120,
      cell: (index) => {
        const { sign, words } = verdictWords(model.verdicts.get(runs[index]!.id));
        return `${sign} ${words}`.trim();
      },
    },
    ...metrics.map((metric) => ({
      id: `metric:${metric.id}`,
      head: metric.label,
      width: widthOf([metric.label]) + 12,
      isNumber: true,
      cell: (index: number) => formatValue(model.value(runs[index]!.id, metric.id, row)),
    })),
  ];
}

function textColumn(
  id: string,
  head: string,
  runs: readonly Run[],
  text: (run: Run) => string | undefined,
): DataColumn {
  const texts = runs.map((run) => text(run) || "–");
  const cell = (index: number) => <span title={texts[index]}>{texts[index]}</span>;
  return { id, head, width: widthOf(texts), cell };
}

/** The width in which texts can be read, in pixels. */
function widthOf(texts: readonly string[]): number {
  const longest = texts.reduce((most, { length }) => Math.max(most, length), 0);
  return Math.min(220, Math.max(80, longest * 8 + 20));
}
