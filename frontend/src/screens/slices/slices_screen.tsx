import { effect } from "@preact/signals";
import { useCallback, useEffect, useMemo } from "preact/hooks";
import { CHARTS } from "../../state/state";
import { useShortcut, useStore } from "../../state/use";
import { Empty } from "../../ui/empty";
import { ChartPanel } from "./chart_panel";
import { Drawer } from "./drawer";
import { Filters } from "./filters";
import { TablePanel } from "./table_panel";
import { ViewContext } from "./use_view";
import { SlicesView } from "./view";

/** How long filters rest before the host hears of them, in milliseconds. */
const REST = 200;

/** All slices of a run: one metric in a chart, many in a table, one slice in full. */
export function SlicesScreen() {
  const store = useStore();
  const view = useMemo(() => new SlicesView(store), [store]);
  useParts(view);
  useFilterEvents(view);
  const nextChart = useCallback(() => {
    const next = CHARTS[(CHARTS.indexOf(view.chart.peek()) + 1) % CHARTS.length]!;
    store.set({ c: next });
  }, [store, view]);
  useShortcut("v", "next chart", nextChart);
  if (store.model.runs.length === 0) return <Empty>No run is in this report.</Empty>;
  return (
    <ViewContext.Provider value={view}>
      <Filters />
      <div class={view.selected.value < 0 ? "slices" : "slices with-drawer"}>
        <div class="slices-main">
          <ChartPanel />
          <TablePanel />
        </div>
        <Drawer />
      </div>
    </ViewContext.Provider>
  );
}

/** Has the host give the runs that are shown. */
function useParts({ store, run, base }: SlicesView): void {
  const ids = [run.value, base.value].filter((id) => store.model.run(id)?.complete === false);
  const named = JSON.stringify(ids);
  useEffect(() => {
    for (const id of JSON.parse(named) as string[]) store.need({ kind: "run", run: id });
  }, [store, named]);
}

function useFilterEvents(view: SlicesView): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let told = "";
    const stop = effect(() => {
      const counts = { shown: view.rows.value.length, of: view.present.value.length };
      const text = JSON.stringify(counts);
      clearTimeout(timer);
      // nothing was filtered yet when the screen opens
      if (told === "" || told === text) told = text;
      else {
        timer = setTimeout(() => {
          told = text;
          view.store.host.emit("filter-changed", counts);
        }, REST);
      }
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [view]);
}
