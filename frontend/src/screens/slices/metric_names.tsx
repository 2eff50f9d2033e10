import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { completions, nameAt, nameOf, quote, readList, writeList } from "../../logic/metric_choice";
import type { Metric } from "../../report/contract";
import { Button } from "../../ui/fields";
import { useView } from "./use_view";

interface Props {
  /** Ids, in order; names that no metric has among them. None: all. */
  onApply(ids: string[]): void;
}

/** The chosen metrics as a text of names and commas, with completion. */
export function MetricNames({ onApply }: Props) {
  const view = useView();
  const id = useId();
  const box = useRef<HTMLInputElement>(null);
  const metrics = view.available.value;
  const shown = view.columns.value.map((metric) => metric.id);
  const typed = useSignal<string | null>(null);
  const offered = useSignal<Metric[]>([]);
  const active = useSignal(-1);
  const text = typed.value ?? writeList([...shown, ...view.unknown.value], metrics);
  const { unknown } = readList(text, metrics);

  const apply = (): void => {
    offered.value = [];
    if (typed.value === null) return;
    const list = readList(typed.value, metrics);
    // what is not known stays in the box; alone it shows nothing
    if (list.all.length > 0 && list.known.length === 0) return;
    typed.value = null;
    onApply(list.all);
  };
  const type = (value: string): void => {
    typed.value = value;
    const { name } = nameAt(value, box.current!.selectionStart ?? value.length);
    const known = readList(value, metrics).known;
    offered.value = name
      ? completions(name, metrics).filter((metric) => !known.includes(metric.id))
      : [];
    active.value = -1;
  };
  const complete = (metric: Metric): void => {
    const value = box.current!.value;
    const { from, to } = nameAt(value, box.current!.selectionStart ?? value.length);
    const name = quote(nameOf(metric, metrics)!);
    typed.value = value.slice(0, from) + (from > 0 ? " " : "") + name + value.slice(to);
    offered.value = [];
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const count = offered.value.length;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") {
      const metric = offered.value[active.value];
      if (metric) complete(metric);
      else apply();
    } else if (event.key === "Escape" && count > 0) offered.value = [];
    else if (step && count > 0) active.value = (active.value + step + count) % count;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="metric-names">
      <label class="field">
        <span>Metric names</span>
        <input
          ref={box}
          type="text"
          role="combobox"
          spellcheck={false}
          autocomplete="off"
          aria-expanded={offered.value.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={active.value >= 0 ? `${id}-${active.value}` : undefined}
          aria-invalid={unknown.length > 0}
          aria-describedby={unknown.length > 0 ? `${id}-unknown` : undefined}
          value={text}
          onInput={(event) => type(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onBlur={apply}
        />
      </label>
      <Button onClick={apply}>Apply</Button>
      {offered.value.length > 0 && (
        <div id={`${id}-list`} class="offered" role="listbox" aria-label="Names">
          {offered.value.map((metric, index) => (
            <div
              key={metric.id}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === active.value}
              onPointerDown={(event) => {
                event.preventDefault();
                complete(metric);
              }}
            >
              {nameOf(metric, metrics)}
            </div>
          ))}
        </div>
      )}
      {unknown.length > 0 && (
        <p id={`${id}-unknown`} class="worse" role="alert">
          {unknown.length === 1 ? "There is no metric" : "There are no metrics"}{" "}
          {unknown.join(", ")}.
        </p>
      )}
    </div>
  );
}
