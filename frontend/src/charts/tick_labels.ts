import { shorten } from "../logic/format";

const CHARACTER = 6.4;
const GAP = 14;

/** The labels that fit beside each other in a width, the last one among them, none twice in a row. */
export function fittingLabels(
  labels: readonly string[],
  at: (index: number) => number,
  width: number,
): { index: number; label: string; at: number }[] {
  const found: { index: number; label: string; at: number }[] = [];
  let free = width + GAP;
  for (let index = labels.length - 1; index >= 0; index--) {
    const label = shorten(labels[index]!, 22);
    const half = (label.length * CHARACTER) / 2;
    const place = found.length > 0 ? at(index) : Math.min(at(index), width - half);
    if (place + half > free || found.at(-1)?.label === label) continue;
    found.push({ index, label, at: place });
    free = place - half - GAP;
  }
  return found.reverse();
}
