import { linear } from "./scale";

interface Props {
  /** In order of time; NaN where there is none. */
  values: readonly number[];
  label: string;
}

const [WIDTH, HEIGHT, EDGE] = [64, 18, 3];

/** The course of a number, as small as a word; its last value has a dot. */
export function Sparkline({ values, label }: Props) {
  const known = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = linear([0, Math.max(1, values.length - 1)], [EDGE, WIDTH - EDGE]);
  const y = linear([low, high], [HEIGHT - EDGE, EDGE]);
  let pen = "M";
  let path = "";
  values.forEach((value, index) => {
    if (Number.isFinite(value)) path += `${pen}${x(index).toFixed(1)},${y(value).toFixed(1)}`;
    pen = Number.isFinite(value) ? "L" : "M";
  });
  const last = values.findLastIndex(Number.isFinite);
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <path d={path} />
      {last >= 0 && <circle cx={x(last)} cy={y(values[last]!)} r={2} />}
    </svg>
  );
}
