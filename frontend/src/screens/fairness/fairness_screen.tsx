import { plural, shorten } from "../../logic/format";
import { useStore } from "../../state/use";
import { Empty } from "../../ui/empty";
import { Controls } from "./controls";
import { MetricCard } from "./metric_card";
import { MetricList } from "./metric_list";
import { useView } from "./view";

/** Metrics over slices against a baseline slice, of one run or of two beside each other. */
export function FairnessScreen() {
  const store = useStore();
  const view = useView(store);
  if (!view) return <Empty>There is no run to show.</Empty>;
  if (view.families.length === 0) {
    return <Empty>No metric of this run is one number a slice.</Empty>;
  }
  return (
    <div class="fairness">
      <MetricList view={view} />
      <div class="fair-main">
        <Controls view={view} />
        <p class="fair-note">
          {plural(view.rows.length, "slice")} against{" "}
          {shorten(store.model.slices.names[view.baseline] ?? "no slice")}. A star marks a
          difference that is larger than the intervals of both values together explain.
        </p>
        {view.rows.length === 0 ? (
          <Empty>No slice is left. Change the filters above.</Empty>
        ) : (
          view.chosen.map((family) => <MetricCard key={family.key} family={family} view={view} />)
        )}
        <Omitted />
      </div>
    </div>
  );
}

/** So many omitted slices are named. */
const NAMED = 20;

/** Tells which slices are withheld: who has few examples may be known by them. */
function Omitted() {
  const { model } = useStore();
  const omitted = model.omitted.filter(({ slice }) => slice !== "");
  if (omitted.length === 0) return null;
  const named = omitted.slice(0, NAMED).map(({ slice }) => shorten(slice));
  const reasons = [...new Set(omitted.map(({ why }) => why))].slice(0, 3);
  return (
    <p class="fair-note" role="note">
      {plural(omitted.length, "slice")} not shown: {named.join(", ")}
      {omitted.length > NAMED && " …"} ({reasons.join("; ")}).
    </p>
  );
}
