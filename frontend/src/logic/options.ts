/**
 * What an option says among those that a state keeps as short texts, such as `fit` or `sort.total`:
 * its value, empty for a mere switch; undefined where it is not among them.
 */
export function option(options: readonly string[], name: string): string | undefined {
  for (const one of options) {
    if (one === name) return "";
    if (one.startsWith(`${name}.`)) return one.slice(name.length + 1);
  }
  return undefined;
}

/** The options with one set, or, where the value is undefined, without it. */
export function withOption(
  options: readonly string[],
  name: string,
  value: string | undefined,
): string[] {
  const others = options.filter((one) => one !== name && !one.startsWith(`${name}.`));
  if (value === undefined) return others;
  return [...others, value === "" ? name : `${name}.${value}`];
}
