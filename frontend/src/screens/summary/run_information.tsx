import { formatTime } from "../../logic/format";
import type { Run } from "../../report/contract";
import { useStore } from "../../state/use";

/** Where a run's numbers are from. */
export function RunInformation({ run }: { run: Run }) {
  const { model } = useStore();
  const { generator, created } = model.source;
  const facts: [string, string | undefined][] = [
    ["Run", run.name],
    ["Time", formatTime(run.started)],
    ["Model", run.model],
    ["Data", run.data],
    ["Pipeline", [run.pipeline, run.node].filter(Boolean).join(" · ")],
    ...(run.info ?? []),
    ["Model path", run.model_path],
    ["Data path", run.data_path],
    ["Results", run.path],
    [
      "Report",
      [generator && `${generator.name} ${generator.version}`, formatTime(created)]
        .filter(Boolean)
        .join(", "),
    ],
  ];
  return (
    <section aria-label="Run information">
      <h2>Run information</h2>
      <dl class="run-facts">
        {facts.map(([name, value], index) =>
          value ? (
            <div key={index} class={value.length > 24 ? "wide" : ""}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ) : null,
        )}
      </dl>
    </section>
  );
}
