import { formatValue, plural } from "../../logic/format";
import { hasScreen } from "../../logic/offered";
import { limitText, ruleText, sortReasons, verdictTitle } from "../../logic/reasons";
import type { Reason, Run, Verdict } from "../../report/contract";
import { useStore } from "../../state/use";

/** So many reasons of a kind are listed. */
const LISTED = 40;

/** Whether the model passed, and why. */
export function VerdictCard({ run, verdict }: { run: Run; verdict: Verdict | undefined }) {
  const { sign, words, told, tone } = verdictTitle(verdict);
  const { failed, passed } = sortReasons(verdict?.reasons ?? []);
  const missing = verdict?.missing_slices ?? [];
  return (
    <section class={`card verdict ${tone}`} aria-label="Verdict">
      <h2>
        <span class="verdict-sign" aria-hidden="true">
          {sign}
        </span>
        {words}
        <span class="dim"> {told}</span>
      </h2>
      {verdict?.note && <p>{verdict.note}</p>}
      {failed.length > 0 && <Reasons run={run} reasons={failed} label="Failed checks" />}
      {missing.length > 0 && (
        <p>
          <b>{plural(missing.length, "slice")} missing</b> that the checks ask for:{" "}
          {missing.slice(0, LISTED).join(", ")}
        </p>
      )}
      {passed.length > 0 && (
        <details open={failed.length === 0 && passed.length <= 5}>
          <summary>
            {plural(passed.length, failed.length > 0 ? "other result" : "result")} of checks
          </summary>
          <Reasons run={run} reasons={passed} label="Other results of checks" />
        </details>
      )}
    </section>
  );
}

interface ReasonsProps {
  run: Run;
  reasons: readonly Reason[];
  label: string;
}

function Reasons({ run, reasons, label }: ReasonsProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too
    <div class="scroller" role="region" aria-label={label} tabIndex={0}>
      <table class="facts-table" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Result</th>
            <th scope="col">Slice</th>
            <th scope="col">Metric</th>
            <th scope="col" class="number">
              Value
            </th>
            <th scope="col" class="number">
              Limit
            </th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {reasons.slice(0, LISTED).map((reason, index) => (
            <ReasonRow key={index} run={run} reason={reason} />
          ))}
        </tbody>
      </table>
      {reasons.length > LISTED && (
        <p class="dim">and {plural(reasons.length - LISTED, "further one")}</p>
      )}
    </div>
  );
}

function ReasonRow({ run, reason }: { run: Run; reason: Reason }) {
  const { model } = useStore();
  const { failed, slice, metric, value, baseline } = reason;
  return (
    <tr>
      <td class={failed ? "worse" : ""}>
        {failed ? "✗ failed" : isChecked(reason) ? "✓ passed" : "noted"}
      </td>
      <td>{slice ? <SliceLink name={slice} run={run.id} metric={metric} /> : "–"}</td>
      <td>{metric ? (model.metrics.get(metric)?.label ?? metric) : "–"}</td>
      <td class="number">{formatValue(value)}</td>
      <td class="number">{limitText(reason)}</td>
      <td>
        {ruleText(reason)}
        {baseline !== undefined && baseline !== null && (
          <span class="dim"> (held against {formatValue(baseline)})</span>
        )}
      </td>
    </tr>
  );
}

/** Whether a value was held against a limit; other reasons only tell something. */
function isChecked({ limit, lower, upper }: Reason): boolean {
  return [limit, lower, upper].some((one) => typeof one === "number");
}

interface LinkProps {
  name: string;
  run: string;
  metric: string | undefined;
}

/** A slice's name that leads to it; only its name where it is not in this report. */
export function SliceLink({ name, run, metric }: LinkProps) {
  const store = useStore();
  const { model } = store;
  if (model.slices.row(name) === undefined || !hasScreen(model, "slices")) return <>{name}</>;
  const x = metric && model.metrics.has(metric) ? { x: metric } : {};
  return (
    <button
      type="button"
      class="link-text"
      title={`${name} in Slices`}
      onClick={() => {
        store.go("slices", { run, ...x });
        store.select(name);
      }}
    >
      {name}
    </button>
  );
}
