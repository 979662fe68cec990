import { expect, test } from "bun:test";
import fc from "fast-check";
import { fitColumns } from "../../src/cli/fit-columns.ts";

const name = { width: 30, rank: 0, canCut: true };
const count = { width: 10, rank: 0, canCut: false };

test("everything stays as it is where there is room", () => {
  expect(fitColumns([name, count], 2, 42)).toEqual([30, 10]);
});

test("names are cut first, then columns go by rank, then names are cut further", () => {
  const columns = [name, count, { ...count, rank: 1 }, { ...count, rank: 2 }];
  expect(fitColumns(columns, 2, 60)).toEqual([24, 10, 10, 10]);
  expect(fitColumns(columns, 2, 50)).toEqual([26, 10, 10, null]);
  expect(fitColumns(columns, 2, 34)).toEqual([22, 10, null, null]);
  expect(fitColumns(columns, 2, 24)).toEqual([12, 10, null, null]);
  expect(fitColumns(columns, 2, 5)).toEqual([8, 10, null, null]);
});

test("columns of one rank go together", () => {
  const pair = { ...count, rank: 3 };
  expect(fitColumns([count, pair, pair], 2, 30)).toEqual([10, null, null]);
});

test("what is shown fits, unless nothing more can give way", () => {
  const column = fc.record({
    width: fc.nat(60),
    rank: fc.nat(3),
    canCut: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(column, { minLength: 1 }),
      fc.integer({ min: 1, max: 300 }),
      (columns, room) => {
        const widths = fitColumns(columns, 2, room);
        const shown = widths.filter((width) => width !== null);
        const total = shown.reduce((sum, width) => sum + width + 2, -2);
        const isRigid = columns.every(
          ({ width, rank, canCut }, index) =>
            widths[index] === null ||
            (rank === 0 && (!canCut || (widths[index] ?? 0) <= 8 || width <= 8)),
        );
        expect(total <= room || isRigid).toBe(true);
      },
    ),
  );
});
