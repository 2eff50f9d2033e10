/** What rows are sorted by: a number a row. Rows without one come last, both ways. */
export interface SortColumn {
  values: Float64Array;
  descending: boolean;
}

/** The rows in order of the columns, the most important one first. Rows that are equal stay. */
export function sortRows(rows: Int32Array, columns: readonly SortColumn[]): Int32Array {
  return columns.reduceRight(sortBy, rows);
}

const DIGITS = 1 << 16;

/** A stable radix sort: the time does not depend on what the numbers are. */
function sortBy(rows: Int32Array, { values, descending }: SortColumn): Int32Array {
  const present = rows.filter((row) => !Number.isNaN(values[row]));
  let order = Uint32Array.from(present, (_, place) => place);
  let next = new Uint32Array(order.length);
  const digits = sortableDigits(present, values, descending);
  const starts = new Uint32Array(DIGITS);
  for (let digit = 0; digit < 4; digit++) {
    starts.fill(0);
    for (let place = 0; place < order.length; place++) starts[digits[4 * place + digit]!]!++;
    let start = 0;
    for (let value = 0; value < DIGITS; value++) {
      const count = starts[value]!;
      starts[value] = start;
      start += count;
    }
    for (const place of order) {
      const value = digits[4 * place + digit]!;
      next[starts[value]!++] = place;
    }
    [order, next] = [next, order];
  }
  const sorted = new Int32Array(rows.length);
  for (let index = 0; index < order.length; index++) sorted[index] = present[order[index]!]!;
  if (present.length < rows.length) {
    const missing = rows.filter((row) => Number.isNaN(values[row]));
    sorted.set(missing, present.length);
  }
  return sorted;
}

/** Each number as four digits of 16 bits, the lowest first, whose order is that of the numbers. */
function sortableDigits(rows: Int32Array, values: Float64Array, descending: boolean): Uint16Array {
  const words = new BigUint64Array(1);
  const [float, half] = [new Float64Array(words.buffer), new Uint16Array(words.buffer)];
  const digits = new Uint16Array(4 * rows.length);
  for (let place = 0; place < rows.length; place++) {
    // -0 is 0
    float[0] = values[rows[place]!]! + 0;
    // of negative numbers the larger pattern is the smaller number
    const isNegative = half[3]! > 0x7fff;
    const flip = isNegative === descending ? 0 : 0xffff;
    const top = isNegative ? flip : descending ? 0x7fff : 0x8000;
    for (let digit = 0; digit < 3; digit++) digits[4 * place + digit] = half[digit]! ^ flip;
    digits[4 * place + 3] = half[3]! ^ top;
  }
  return digits;
}
