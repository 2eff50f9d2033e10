import { expect, test } from "vitest";
import { columnsInSight, gapAt, offsetsOf, rowsInSight, scrollTo } from "../src/grid/window";

test("only rows in sight are drawn, and a few beyond", () => {
  expect(rowsInSight(0, 100, 20, 100_000)).toEqual({ from: 0, to: 8 });
  expect(rowsInSight(2000, 100, 20, 100_000)).toEqual({ from: 97, to: 108 });
  expect(rowsInSight(2000, 100, 20, 101)).toEqual({ from: 97, to: 101 });
  // filtered while scrolled far down
  expect(rowsInSight(2_000_000, 100, 20, 3)).toEqual({ from: 0, to: 3 });
  expect(rowsInSight(0, 100, 20, 0)).toEqual({ from: 0, to: 0 });
});

test("only columns in sight are drawn", () => {
  const offsets = offsetsOf([100, 50, 50, 50]);
  expect(offsets).toEqual([0, 100, 150, 200, 250]);
  expect(columnsInSight(120, 60, offsets)).toEqual({ from: 1, to: 3 });
  expect(columnsInSight(999, 60, offsets)).toEqual({ from: 4, to: 4 });
});

test("a dropped column goes to the nearest gap", () => {
  const offsets = offsetsOf([100, 50, 50]);
  expect([0, 40, 60, 120, 130, 999].map((point) => gapAt(point, offsets))).toEqual([
    0, 0, 1, 1, 2, 3,
  ]);
});

test("scrolls no further than needed", () => {
  expect(scrollTo(50, 100, 60, 80)).toBe(50);
  expect(scrollTo(50, 100, 20, 40)).toBe(20);
  expect(scrollTo(50, 100, 160, 180)).toBe(80);
});
