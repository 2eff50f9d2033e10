import { formatValue } from "../../logic/format";
import { useView } from "./use_view";

/** So many features, those that matter most, are shown of a metric. */
const MANY = 20;

/** How much each feature has to do with the predictions for a slice. */
export function Attributions({ row }: { row: number }) {
  const view = useView();
  view.store.version.value;
  const found = [...view.store.model.attributions(view.run.value, row)];
  return (
    <>
      {found.map(([metric, features]) => (
        <section key={metric} aria-label={`Attributions: ${metric}`}>
          <h3>Attributions: {metric}</h3>
          <Features features={features} />
        </section>
      ))}
    </>
  );
}

function Features({ features }: { features: Map<string, number> }) {
  const ranked = [...features].sort(([, one], [, other]) => size(other) - size(one));
  const most = size(ranked[0]?.[1] ?? 0) || 1;
  return (
    <>
      <table class="features">
        <tbody>
          {ranked.slice(0, MANY).map(([feature, value]) => (
            <tr key={feature}>
              <th scope="row">{feature}</th>
              <td>{formatValue(value)}</td>
              <td>
                <span
                  class={value < 0 ? "share negative" : "share"}
                  style={{ width: `${(100 * size(value)) / most}%` }}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {ranked.length > MANY && (
        <p class="count">
          The first {MANY} of {ranked.length} features.
        </p>
      )}
    </>
  );
}

function size(value: number): number {
  return Number.isNaN(value) ? 0 : Math.abs(value);
}
