/**
 * Durations as counts in buckets, so that periods can be added up and still give percentiles. A bucket
 * is at most 1/64 of its durations wide: a percentile read from its middle is off by less than 1 %.
 */

/** Buckets below this one hold one millisecond each. */
const EXACT = 128;
const PER_OCTAVE = 64;
/** Durations from 2^40 ms (35 years) on share the last octave. */
const OCTAVES = 33;
const BUCKETS: number = PER_OCTAVE * (OCTAVES + 2);

/** SQL for the bucket of a duration in whole milliseconds. */
export function bucketSql(column: string): string {
  const octaves = Array.from({ length: OCTAVES }, (_, index) => {
    const shift = index + 1;
    return `WHEN ${column} < ${EXACT * 2 ** shift} THEN ${shift * PER_OCTAVE} + (${column} >> ${shift})`;
  });
  return `CASE WHEN ${column} < 0 THEN 0 WHEN ${column} < ${EXACT} THEN ${column} ${octaves.join(" ")} ELSE ${BUCKETS - 1} END`;
}

function middleMs(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const width = 2 ** (Math.floor(bucket / PER_OCTAVE) - 1);
  return ((bucket % PER_OCTAVE) + PER_OCTAVE) * width + width / 2;
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

/** Counts by bucket → varints: the distance to the bucket before, and the count, for each in order. */
export function encodeCounts(counts: ReadonlyMap<number, number>): Uint8Array {
  const bytes: number[] = [];
  let last = 0;
  for (const [bucket, count] of [...counts].sort(([a], [b]) => a - b)) {
    pushVarint(bytes, bucket - last);
    pushVarint(bytes, count);
    last = bucket;
  }
  return Uint8Array.from(bytes);
}

/** The durations in ms that half, and 95 %, of the runs do not exceed; null without runs. */
export interface Percentiles {
  p50Ms: number | null;
  p95Ms: number | null;
}

/** The durations of a stored period. */
export interface StoredDurations extends Percentiles {
  /** Null where it was not read, because nothing is added to it. */
  encoded: Uint8Array | null;
}

/** The durations of one group of runs: those read from rows, and those of stored periods. */
export interface Durations {
  counts: Map<number, number> | null;
  stored: StoredDurations[];
}

/** Adds so many runs of a bucket. */
export function addCount(durations: Durations, bucket: number, count: number): void {
  durations.counts ??= new Map();
  durations.counts.set(bucket, (durations.counts.get(bucket) ?? 0) + count);
}

/** Runs by bucket, in an array that is used over and over. */
const runs: Float64Array = new Float64Array(BUCKETS);

/** Adds to `runs` what `encodeCounts` made. By hand: a report may read a million of these. @returns how many runs. */
function addEncoded(bytes: Uint8Array): number {
  let added = 0;
  let bucket = 0;
  let isCount = false;
  let value = 0;
  let unit = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 127) {
      value += (byte - 128) * unit;
      unit *= 128;
      continue;
    }
    value += byte * unit;
    if (isCount) {
      runs[bucket] = (runs[bucket] ?? 0) + value;
      added += value;
    } else bucket += value;
    isCount = !isCount;
    value = 0;
    unit = 1;
  }
  return added;
}

/** The middle of the bucket in which this many of all runs are reached. */
function reachedMs(count: number): number {
  let bucket = 0;
  for (let seen = runs[0] ?? 0; seen < count && bucket < BUCKETS - 1; ) seen += runs[++bucket] ?? 0;
  return middleMs(bucket);
}

export function percentilesMs({ counts, stored }: Durations): Percentiles {
  const only = stored[0];
  // So are most groups of a series: one period each.
  if (only && stored.length === 1 && !counts) return only;
  runs.fill(0);
  let total = 0;
  for (const { encoded } of stored) if (encoded) total += addEncoded(encoded);
  for (const [bucket, count] of counts ?? []) {
    runs[bucket] = (runs[bucket] ?? 0) + count;
    total += count;
  }
  if (total === 0) return { p50Ms: null, p95Ms: null };
  return { p50Ms: reachedMs(0.5 * total), p95Ms: reachedMs(0.95 * total) };
}
