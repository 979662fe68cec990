/** How many calls the spans of two instrumentations must be at least, whatever the matching that is tested. */
import fc from "fast-check";

/** When a span began and ended. */
export type Interval = readonly [fromMs: number, toMs: number];

/** Short and close to each other, so that many overlap. */
export const interval: fc.Arbitrary<Interval> = fc
  .tuple(fc.nat(12), fc.integer({ min: 1, max: 8 }))
  .map(([from, length]): Interval => [from, from + length]);

/** By trying every pairing of two that overlap. */
export function fewestCalls(xs: readonly Interval[], ys: readonly Interval[]): number {
  const [first, ...rest] = xs;
  if (first === undefined) return ys.length;
  const partners = ys.flatMap((y, i) =>
    first[0] < y[1] && y[0] < first[1] ? [ys.filter((_, j) => j !== i)] : [],
  );
  return 1 + Math.min(fewestCalls(rest, ys), ...partners.map((left) => fewestCalls(rest, left)));
}
