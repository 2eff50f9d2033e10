import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface Option {
  value: string;
  label: string;
  disabled?: boolean;
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly Option[];
  onChange(value: string): void;
}

/** A choice of one among many. */
export function Select({ label, value, options, onChange }: SelectProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option
            key={option.value}
            value={option.value}
            disabled={option.disabled}
            selected={option.value === value}
          >
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}

interface RadioProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange(value: T): void;
}

/** A choice of one among few, all in sight. */
export function RadioGroup<T extends string>({ label, value, options, onChange }: RadioProps<T>) {
  const name = useId();
  return (
    <div class="segmented" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value} class={option.value === value ? "on" : ""}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </div>
  );
}

interface CheckboxProps {
  label: string;
  checked: boolean;
  disabled?: boolean;
  onChange(checked: boolean): void;
}

export function Checkbox({ label, checked, disabled, onChange }: CheckboxProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

interface NumberProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number | "any";
  onChange(value: number): void;
}

/** A number that is typed. What is no number, or lies outside, changes nothing. */
export function NumberField({ label, value, min, max, step = 1, onChange }: NumberProps) {
  const take = (text: string): void => {
    const number = Number(text);
    if (text.trim() !== "" && Number.isFinite(number))
      onChange(Math.min(max, Math.max(min, number)));
  };
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="number"
        value={value}
        min={min}
        max={max}
        step={step}
        onInput={(event) => take(event.currentTarget.value)}
      />
    </label>
  );
}

interface SliderProps {
  /** Its accessible name; it has no visible one. */
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number | "any";
  /** What the value means, for people who cannot see. */
  text?: string;
  onChange(value: number): void;
}

export function Slider({ label, value, min, max, step = 1, text, onChange }: SliderProps) {
  return (
    <input
      type="range"
      aria-label={label}
      aria-valuetext={text}
      value={value}
      min={min}
      max={max}
      step={step}
      onInput={(event) => onChange(Number(event.currentTarget.value))}
    />
  );
}

interface ButtonProps {
  children: ComponentChildren;
  /** Its accessible name, where its content does not say it. */
  label?: string;
  title?: string;
  quiet?: boolean;
  pressed?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  onClick(event: MouseEvent): void;
}

export function Button(props: ButtonProps) {
  return (
    <button
      type="button"
      class={props.quiet ? "button quiet" : "button"}
      aria-label={props.label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      title={props.title}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
