import { useSignal } from "@preact/signals";
import { useCallback, useMemo } from "preact/hooks";
import { useShortcut } from "../../state/use";
import { Dialog } from "../../ui/dialog";
import { Button } from "../../ui/fields";
import { MetricsList } from "./metrics_list";
import { useView } from "./use_view";

/** Opens the choice of metrics. */
export function MetricsButton() {
  const view = useView();
  const open = useSignal(false);
  const show = useCallback(() => {
    open.value = true;
  }, [open]);
  useShortcut("m", "choose metrics", show);
  const label = `Metrics (${view.columns.value.length}/${view.available.value.length})`;
  const close = useMemo(
    () => () => {
      open.value = false;
    },
    [open],
  );
  return (
    <span class="anchor">
      <Button
        expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {label}
      </Button>
      {open.value && (
        <Dialog title="Metrics" onClose={close}>
          <MetricsList />
        </Dialog>
      )}
    </span>
  );
}
