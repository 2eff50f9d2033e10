import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { ClassMatrixChart } from "../../charts/class_matrix";
import { formatFull } from "../../logic/format";
import { type AtThreshold, structuredTables } from "../../logic/structured";
import type { Structured } from "../../report/model";
import { Select } from "../../ui/fields";

/** Lines of a table, and marks of a text, that are shown at most. */
const [MOST_LINES, MOST_TEXT] = [100, 20_000];

/** A value that is not one number, in full. */
export function StructuredValue({ label, value }: { label: string; value: Structured }) {
  const shown = useMemo(() => structuredTables(value), [value]);
  if (shown.kind === "classes") return <Classes label={label} matrices={shown.matrices} />;
  if (shown.kind === "text") return <p class="long-text">{shown.text.slice(0, MOST_TEXT)}</p>;
  const { head, rows } = shown;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too
    <div class="drawer-table" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_LINES).map((cells, line) => (
            <tr key={line}>
              {cells.map((cell, place) => (
                <td key={head[place]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_LINES && (
        <p class="count">
          The first {MOST_LINES} of {rows.length}; JSON has all.
        </p>
      )}
    </div>
  );
}

function Classes({ label, matrices }: { label: string; matrices: readonly AtThreshold[] }) {
  const chosen = useSignal(0);
  const shown = matrices[chosen.value] ?? matrices[0];
  if (!shown) return <p class="count">No matrix.</p>;
  return (
    <>
      {matrices.length > 1 && (
        <Select
          label="Threshold"
          value={String(chosen.value)}
          options={matrices.map(({ threshold }, index) => ({
            value: String(index),
            label: formatFull(threshold),
          }))}
          onChange={(index) => {
            chosen.value = Number(index);
          }}
        />
      )}
      <ClassMatrixChart
        label={label}
        matrix={shown.matrix}
        percent={false}
        compact={false}
        noun="weighted examples"
      />
    </>
  );
}
