import { useSignal } from "@preact/signals";
import { Dialog } from "./dialog";
import { Button, Checkbox, type Option } from "./fields";

interface Props {
  /** What is chosen, such as `Slices`. */
  label: string;
  options: readonly Option[];
  chosen: readonly string[];
  most: number;
  onChange(chosen: string[]): void;
}

/** So many are listed; the others are found by their names. */
const LISTED = 100;

/** A choice of several among many: a button that opens a list with a field to find in it. */
export function MultiChoice({ label, options, chosen, most, onChange }: Props) {
  const isOpen = useSignal(false);
  return (
    <div class="multi">
      <Button
        expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        {label} ({chosen.length}/{Math.min(most, options.length)})
      </Button>
      {isOpen.value && (
        <Dialog
          title={label}
          onClose={() => {
            isOpen.value = false;
          }}
        >
          <Choices {...{ label, options, chosen, most, onChange }} />
        </Dialog>
      )}
    </div>
  );
}

function Choices({ label, options, chosen, most, onChange }: Props) {
  const query = useSignal("");
  const wanted = query.value.toLowerCase();
  const found = options.filter((option) => option.label.toLowerCase().includes(wanted));
  const ticked = found.filter(({ value }) => chosen.includes(value));
  const others = found.filter(({ value }) => !chosen.includes(value));
  const listed = [...ticked, ...others].slice(0, LISTED);
  const isFull = chosen.length >= most;
  const change = (value: string, isOn: boolean): void =>
    onChange(isOn ? [...chosen, value] : chosen.filter((one) => one !== value));
  return (
    <>
      <input
        type="search"
        aria-label={`Find ${label.toLowerCase()}`}
        placeholder="Find"
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
        }}
      />
      <ul class="choices" aria-label={label}>
        {listed.map((option) => {
          const isOn = chosen.includes(option.value);
          return (
            <li key={option.value}>
              <Checkbox
                label={option.label}
                checked={isOn}
                disabled={!isOn && isFull}
                onChange={(on) => change(option.value, on)}
              />
            </li>
          );
        })}
      </ul>
      <p class="dim" role="status">
        {found.length > listed.length
          ? `The first ${listed.length} of ${found.length}`
          : isFull
            ? `At most ${most} at once`
            : ""}
      </p>
    </>
  );
}
