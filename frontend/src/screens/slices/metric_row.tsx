import { useRef } from "preact/hooks";
import type { Metric } from "../../report/contract";
import { Button } from "../../ui/fields";

interface Props {
  metric: Metric;
  index: number;
  checked: boolean;
  /** Whether it may be so; `isRange`: all from the one before, too. */
  onCheck(checked: boolean, isRange: boolean): boolean;
  onMove(to: number): void;
  onOnly(): void;
}

/** A metric that can be checked and moved. */
export function MetricRow({ metric, index, checked, onCheck, onMove, onOnly }: Props) {
  const row = useRef<HTMLLIElement>(null);
  const place = useRef(index);
  place.current = index;
  const move = useRef(onMove);
  move.current = onMove;
  const drag = (event: PointerEvent): void => {
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    handle.focus();
    const follow = (next: PointerEvent): void => {
      const { top, height } = row.current!.getBoundingClientRect();
      const steps = Math.floor((next.clientY - top) / height);
      if (steps !== 0) move.current(place.current + steps);
    };
    const stop = (): void => {
      document.removeEventListener("pointermove", follow);
      document.removeEventListener("pointerup", stop);
    };
    document.addEventListener("pointermove", follow);
    document.addEventListener("pointerup", stop);
  };
  return (
    <li ref={row} title={metric.doc}>
      <button
        type="button"
        class="handle"
        aria-label={`Move ${metric.label}`}
        title="Drag, or use the arrow keys"
        onPointerDown={drag}
        onKeyDown={(event) => {
          const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
          if (!step) return;
          event.preventDefault();
          event.stopPropagation();
          const handle = event.currentTarget;
          onMove(index + step);
          // moved in the page, it loses the focus
          requestAnimationFrame(() => handle.focus());
        }}
      >
        ⠿
      </button>
      <label class="check">
        <input
          type="checkbox"
          checked={checked}
          onClick={(event) => {
            if (!onCheck(event.currentTarget.checked, event.shiftKey)) event.preventDefault();
          }}
        />
        <span>{metric.label}</span>
      </label>
      <Button quiet label={`Only ${metric.label}`} onClick={onOnly}>
        Only
      </Button>
    </li>
  );
}
