const collator = new Intl.Collator("en", { numeric: true, sensitivity: "variant" });

/** Compares texts as people do: 2 before 10. */
export function compareNatural(one: string, other: string): number {
  return collator.compare(one, other) || (one < other ? -1 : one > other ? 1 : 0);
}

/** The place of each text in natural order; cheap where they are in order already. */
export function naturalRanks(texts: readonly string[]): Float64Array {
  const ranks = Float64Array.from(texts, (_, index) => index);
  let sorted = true;
  for (let index = 1; index < texts.length && sorted; index++) {
    sorted = compareNatural(texts[index - 1]!, texts[index]!) <= 0;
  }
  if (sorted) return ranks;
  const order = ranks.slice().sort((a, b) => compareNatural(texts[a]!, texts[b]!));
  order.forEach((row, rank) => {
    ranks[row] = rank;
  });
  return ranks;
}
