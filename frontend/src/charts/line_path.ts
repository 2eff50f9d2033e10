/** Closer than this, in pixels, points are one. */
const SAME = 0.4;

type Scale = (value: number) => number;

/** A line through points as an SVG path; where one is missing it has a gap, a lonely one is a dot. */
export function linePath(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  scaleX: Scale,
  scaleY: Scale,
): string {
  let path = "";
  let drawn = false;
  let [lastX, lastY] = [Number.NaN, Number.NaN];
  for (let index = 0; index < xs.length; index++) {
    const [x, y] = [scaleX(xs[index]!), scaleY(ys[index]!)];
    if (!Number.isFinite(x + y)) {
      drawn = false;
      continue;
    }
    if (drawn && Math.abs(x - lastX) < SAME && Math.abs(y - lastY) < SAME) continue;
    path += `${drawn ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}${drawn ? "" : "h0"}`;
    [lastX, lastY, drawn] = [x, y, true];
  }
  return path;
}
