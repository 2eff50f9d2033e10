/** The area between two bounds as an SVG path; where one of them is missing it has a gap. */
export function bandPath(
  xs: ArrayLike<number>,
  lows: ArrayLike<number>,
  highs: ArrayLike<number>,
  scaleX: (value: number) => number,
  scaleY: (value: number) => number,
): string {
  let path = "";
  let [above, below]: [string[], string[]] = [[], []];
  const close = (): void => {
    if (above.length > 0) path += `M${above.join("L")}L${below.reverse().join("L")}Z`;
    [above, below] = [[], []];
  };
  for (let index = 0; index < xs.length; index++) {
    const [x, low, high] = [scaleX(xs[index]!), scaleY(lows[index]!), scaleY(highs[index]!)];
    if (!Number.isFinite(x + low + high)) close();
    else {
      above.push(`${x.toFixed(1)},${high.toFixed(1)}`);
      below.push(`${x.toFixed(1)},${low.toFixed(1)}`);
    }
  }
  close();
  return path;
}
