import { type ExportTable, toCsv, toJson, toTabbed } from "../../logic/exports";
import { plural } from "../../logic/format";
import { copyText } from "../../ui/clipboard";
import { download } from "../../ui/download";
import { Button } from "../../ui/fields";
import { useView } from "./use_view";
import type { SlicesView } from "./view";

/** Takes the table elsewhere: the rows that pass the filters, the columns that are shown. */
export function Exports() {
  const view = useView();
  const copy = (): void => {
    const text = toTabbed(tableOf(view));
    copyText(text).then(
      () => view.store.say(`${plural(view.rows.value.length, "row")} copied`),
      () => view.store.say("The browser does not allow copying here; take CSV"),
    );
  };
  return (
    <span class="exports">
      <Button quiet title="Copy these rows for a spreadsheet" onClick={copy}>
        Copy
      </Button>
      <Button
        quiet
        title="Save these rows as CSV"
        onClick={() => download("slices.csv", "text/csv", toCsv(tableOf(view)))}
      >
        CSV
      </Button>
      <Button
        quiet
        title="Save these rows as JSON"
        onClick={() => download("slices.json", "application/json", toJson(tableOf(view)))}
      >
        JSON
      </Button>
    </span>
  );
}

function tableOf(view: SlicesView): ExportTable {
  const { model } = view.store;
  const run = view.run.value;
  return {
    rows: view.rows.value,
    names: model.slices.names,
    keys: model.slices.keys,
    columns: view.columns.value.map((metric) => ({
      metric,
      values: view.values(metric.id),
      structured: (row) => model.complex(run, metric.id, row),
    })),
  };
}
