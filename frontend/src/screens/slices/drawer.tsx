import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { formatValue, shorten } from "../../logic/format";
import { useShortcut } from "../../state/use";
import { Button } from "../../ui/fields";
import { Attributions } from "./attributions";
import { SliceMetrics } from "./slice_metrics";
import { StructuredValue } from "./structured_value";
import { useView } from "./use_view";
import type { SlicesView } from "./view";

/** All there is of the selected slice. */
export function Drawer() {
  const view = useView();
  return view.selected.value < 0 ? null : <Details row={view.selected.value} />;
}

function Details({ row }: { row: number }) {
  const view = useView();
  const run = view.run.value;
  const name = view.name(row);
  const { store } = view;
  useEffect(() => {
    store.need({ kind: "attributions", run, slice: name });
  }, [store, run, name]);
  const close = useCallback(() => store.select(""), [store]);
  useShortcut("Escape", "close the slice's details", close);
  const weight = view.weights.value?.[row];
  return (
    <aside class="drawer" aria-label="Slice details">
      <div class="dialog-head">
        <h2 class="cell-name" title={name}>
          {shorten(name, 300)}
        </h2>
        <Button quiet label="Close" title="Close (Esc)" onClick={close}>
          ✕
        </Button>
      </div>
      {weight !== undefined && (
        <p class="count">{formatValue(Number.isNaN(weight) ? 0 : weight)} weighted examples</p>
      )}
      <Links view={view} row={row} name={name} />
      <SliceMetrics row={row} />
      <StructuredValues view={view} row={row} />
      <Attributions row={row} />
    </aside>
  );
}

function Links({ view, row, name }: { view: SlicesView; row: number; name: string }) {
  const { store, run } = view;
  const hasPlots = store.model.plotSlices.get(run.value)?.has(name);
  const runs = store.model.runs.length;
  return (
    <div class="controls">
      {hasPlots && <Button onClick={() => store.go("plots", { ps: [name] })}>Plots</Button>}
      {runs > 1 && (
        <Button title={`Over ${runs} runs`} onClick={() => store.go("history", { hs: [name] })}>
          History
        </Button>
      )}
      {row !== view.baseline.value && (
        <Button title="Compare all slices with this one" onClick={() => store.set({ bl: name })}>
          Use as baseline
        </Button>
      )}
    </div>
  );
}

/** The values that are not one number. */
function StructuredValues({ view, row }: { view: SlicesView; row: number }) {
  const { model } = view.store;
  const run = view.run.value;
  const shown = view.columns.value.filter((metric) => model.complex(run, metric.id, row));
  return (
    <>
      {shown.map((metric, index) => (
        <Folded key={metric.id} title={metric.label} open={index < 2}>
          <StructuredValue label={metric.label} value={model.complex(run, metric.id, row)!} />
        </Folded>
      ))}
    </>
  );
}

interface FoldedProps {
  title: string;
  open: boolean;
  children: preact.ComponentChildren;
}

/** A part that is made only when it is open. */
function Folded({ title, open, children }: FoldedProps) {
  const isOpen = useSignal(open);
  return (
    <details
      open={isOpen.value}
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{title}</summary>
      {isOpen.value && children}
    </details>
  );
}
