import { useCallback, useRef } from "preact/hooks";
import { useShortcut } from "../state/use";
import { NumberField } from "./fields";

interface FindProps {
  value: string;
  onChange(value: string): void;
}

/** Finds slices by what is in their names. */
export function FindSlices({ value, onChange }: FindProps) {
  const box = useRef<HTMLInputElement>(null);
  const focus = useCallback(() => box.current?.focus(), []);
  useShortcut("/", "find slices", focus);
  return (
    <label class="field">
      <span>Find slices</span>
      <input
        ref={box}
        type="search"
        placeholder="part of a name"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

interface WeightProps {
  value: number;
  onChange(value: number): void;
}

/** The smallest weighted number of examples of what is shown, typed. */
export function LeastWeightField({ value, onChange }: WeightProps) {
  return (
    <NumberField
      label="Minimum weighted examples"
      value={value}
      min={0}
      max={Number.MAX_SAFE_INTEGER}
      step="any"
      onChange={onChange}
    />
  );
}
