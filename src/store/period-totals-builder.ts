import type { Database, Statement } from "bun:sqlite";
import {
  addSums,
  type RowSource,
  SUM_INDEX,
  SUM_NAMES,
  type SumGroup,
  SumGroups,
  type SumName,
} from "./cost-sums.ts";
import { encodeCounts, percentilesMs, type StoredDurations } from "./duration-histogram.ts";
import {
  CUBES,
  durationsOf,
  firstHour,
  HOUR_MS,
  keyColumn,
  type PeriodHours,
  readTotals,
  sumsOf,
} from "./period-totals.ts";

/** Batches wait for a step: most totals are one, that of an hour with thousands of runs is several. */
const STEP_MS = 4;
/** Late batches are still under way when a period ends. */
const SETTLING_MS = 120_000;
/** Hours are kept for what `--since 30d` begins with; older periods begin with rows. */
const HOURS_KEPT = 35 * 24;

/** What no purged row knows: kept from the total before where part of the day is purged. */
const ONLY_LIVE: readonly SumName[] = [
  "lower_bound_runs",
  "unknown_base_runs",
  "approx_cost_nano_usd",
  "checked_reported_nano_usd",
  "checked_computed_nano_usd",
];

/**
 * The newest finished period of `?1` hours without a total, if any from `?2` to `?3` (in hours since
 * 1970), and since the first rows, lacks one.
 */
const NEXT = `WITH
  first_rows AS MATERIALIZED (SELECT max(0, min(
    coalesce((SELECT min(ended_ms) FROM executions), 9e15),
    coalesce((SELECT min(ended_ms) FROM usage_rows WHERE counted), 9e15),
    coalesce((SELECT strftime('%s', min(day)) * 1000 FROM usage_daily), 9e15))) AS ms),
  bounds AS MATERIALIZED (SELECT
    max(?2, CAST(ms AS INTEGER) / ${HOUR_MS}) / ?1 * ?1 AS first, ?3 / ?1 * ?1 AS last FROM first_rows),
  built AS MATERIALIZED (SELECT count(*) AS periods FROM totalled_periods, bounds
    WHERE built > 0 AND hours = ?1 AND start >= first AND start < last),
  periods (start) AS (SELECT last - ?1 FROM bounds, built WHERE built.periods * ?1 < last - first
    UNION ALL SELECT start - ?1 FROM periods, bounds WHERE start > first)
SELECT start, first FROM periods, bounds WHERE NOT EXISTS (SELECT 1 FROM totalled_periods t
  WHERE t.hours = ?1 AND t.start = periods.start AND t.built > 0) LIMIT 1`;

/** The hour of the last rows before the hour `?1`. */
const LAST_HOUR = `SELECT CAST(max(
  coalesce((SELECT max(ended_ms) FROM executions WHERE ended_ms < ?1 * ${HOUR_MS}), -1),
  coalesce((SELECT max(ended_ms) FROM usage_rows WHERE counted AND ended_ms < ?1 * ${HOUR_MS}), -1),
  coalesce((SELECT strftime('%s', max(day)) * 1000 FROM usage_daily
    WHERE day < strftime('%Y-%m-%d', ?1 * 3600 + 86399, 'unixepoch')), -1)) AS INTEGER) / ${HOUR_MS}`;

/** Periods of `?1` hours from `?2` up to `?3`, both included. */
const MARK_EMPTY = `WITH periods (start) AS
  (SELECT ?2 UNION ALL SELECT start + ?1 FROM periods WHERE start < ?3)
INSERT OR REPLACE INTO totalled_periods (hours, start, built) SELECT ?1, start, 1 FROM periods`;

const HAS_PURGED = `SELECT 1 FROM usage_daily
WHERE day = strftime('%Y-%m-%d', ? * 3600, 'unixepoch') LIMIT 1`;

const FORGET = `DELETE FROM totalled_periods
WHERE (hours, start) IN (VALUES (1, ?1), (24, ?1 / 24 * 24))`;

const INSERT = `INSERT INTO period_totals
  (hours, cube, start, place, k1, k2, k3, durations, p50_duration_ms, p95_duration_ms, ${SUM_NAMES.join(", ")})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${SUM_NAMES.map(() => "?").join(", ")})`;

interface Period {
  hours: PeriodHours;
  /** Hours since 1970. */
  start: number;
  /** Where totals of this length begin. */
  first: number;
}

/** A total that is being read, cube by cube: an hour may have very many runs. */
interface UnderWay {
  period: Period;
  /** What stands in its mark: another builder's mark is not ours. */
  token: number;
  unread: string[];
  cubes: Map<string, SumGroup[]>;
}

/** What a total kept that can no longer be counted. */
interface OldTotal {
  sums: number[];
  durations: StoredDurations;
}

/** Builds and forgets the totals of finished hours and days. */
export class PeriodTotalsBuilder {
  readonly #db: Database;
  readonly #source: RowSource;
  readonly #stepMs: number;
  readonly #forget: Statement<unknown, [number]>;
  /** Whether something is to be built is asked all the time; of these texts there are a few dozen. */
  readonly #statements = new Map<string, Statement<unknown, (string | number | null)[]>>();
  #underWay: UnderWay | null = null;

  /** `stepMs`: after so long a step ends, once it has read what it is at. */
  constructor(db: Database, stepMs: number = STEP_MS) {
    this.#db = db;
    this.#stepMs = stepMs;
    this.#source = { values: (sql, ...params) => this.#prepared(sql).values(...params) };
    this.#forget = db.prepare(FORGET);
  }

  /**
   * Called in the transaction that changes rows of an hour (in hours since 1970). Costs one look-up
   * where it has no total, as the present hour never has.
   */
  forget(hour: number): void {
    this.#forget.run(hour);
  }

  /**
   * One step on the way to a total that is missing: of the newest hour, or else of the newest day. It
   * reads without a lock, and takes one twice for a moment: to say that it reads, and to put the total
   * in, unless the period was forgotten meanwhile.
   * @returns whether there was one to take.
   */
  build(nowMs: number): boolean {
    if (!this.#underWay && !this.#start(nowMs)) return false;
    const endMs = performance.now() + this.#stepMs;
    do {
      if (this.#underWay) this.#goOn(this.#underWay);
    } while (this.#underWay && performance.now() < endMs);
    return true;
  }

  /** @returns false where no total is missing. */
  #start(nowMs: number): boolean {
    const period = this.#next(nowMs);
    if (!period) return false;
    const { hours, start } = period;
    const [[lastHour] = []] = this.#source.values(LAST_HOUR, start + hours);
    if (Number(lastHour) < start) this.#inTransaction(() => this.#markEmpty(period));
    else this.#begin(period);
    return true;
  }

  #prepared(sql: string): Statement<unknown, (string | number | null)[]> {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #begin(period: Period): void {
    const token = -1 - Math.floor(Math.random() * 2 ** 31);
    const mark = "INSERT OR REPLACE INTO totalled_periods (hours, start, built) VALUES (?, ?, ?)";
    this.#inTransaction(() => this.#db.query(mark).run(period.hours, period.start, token));
    this.#underWay = { period, token, unread: Object.keys(CUBES), cubes: new Map() };
  }

  #goOn(underWay: UnderWay): void {
    const { period, unread, cubes } = underWay;
    const cube = unread.shift();
    if (cube !== undefined) {
      cubes.set(cube, this.#read(period, cube));
      return;
    }
    this.#underWay = null; // Where this fails, it is begun anew.
    this.#inTransaction(() => this.#publish(underWay));
  }

  /** All periods without rows, back to the one that has some: nights and weekends take one step. */
  #markEmpty({ hours, start, first }: Period): void {
    const [[value] = []] = this.#source.values(LAST_HOUR, start + hours);
    const lastHour = Number(value);
    if (lastHour >= start) return;
    const from = Math.max(first, (Math.floor(lastHour / hours) + 1) * hours);
    for (const cube of Object.keys(CUBES)) this.#deleteTotals(hours, cube, from, start);
    this.#db.query(MARK_EMPTY).run(hours, from, start);
  }

  #deleteTotals(hours: PeriodHours, cube: string, from: number, to: number): void {
    const sql = "DELETE FROM period_totals WHERE hours = ? AND cube = ? AND start BETWEEN ? AND ?";
    this.#db.query(sql).run(hours, cube, from, to);
  }

  #inTransaction(run: () => void): void {
    this.#db.transaction(run).immediate();
  }

  #next(nowMs: number): Period | null {
    const nowHour = Math.floor((nowMs - SETTLING_MS) / HOUR_MS);
    const firstKept = Math.max(nowHour - HOURS_KEPT, firstHour(this.#source));
    for (const [hours, from] of [
      [1, firstKept],
      [24, 0],
    ] as const) {
      const [row] = this.#source.values(NEXT, hours, from, nowHour);
      if (row) return { hours, start: Number(row[0]), first: Number(row[1]) };
    }
    return null;
  }

  #read({ hours, start }: Period, cube: string): SumGroup[] {
    const range = { fromMs: start * HOUR_MS, toMs: (start + hours) * HOUR_MS };
    const groups = new SumGroups();
    const query = { by: CUBES[cube] ?? [], where: [], ...range };
    this.#db.transaction(() => addSums(this.#source, query, groups)).deferred();
    return groups.all();
  }

  #publish({ period, token, cubes }: UnderWay): void {
    const { hours, start } = period;
    const end = "UPDATE totalled_periods SET built = 1 WHERE hours = ? AND start = ? AND built = ?";
    if (this.#db.query(end).run(hours, start, token).changes === 0) return;
    const isPurged = this.#source.values(HAS_PURGED, start).length > 0;
    for (const [cube, groups] of cubes) {
      const old = isPurged ? this.#oldTotals(period, cube) : new Map<string, OldTotal>();
      this.#deleteTotals(hours, cube, start, start);
      groups.forEach((group, place) => {
        this.#insert(period, cube, place, group, old.get(JSON.stringify(group.keys)));
      });
    }
    if (hours === 24) this.#deleteHours(start);
  }

  #oldTotals({ hours, start }: Period, cube: string): Map<string, OldTotal> {
    const range = { fromHour: start, toHour: start + hours };
    const by = (CUBES[cube] ?? []).map((_, place) => keyColumn(place));
    const query = { cube, hours, range, by, sums: SUM_NAMES };
    return new Map(
      readTotals(this.#source, query, true).map((row) => [
        JSON.stringify(row.slice(0, by.length)),
        { sums: sumsOf(row, by.length), durations: durationsOf(row, by.length) },
      ]),
    );
  }

  #insert(period: Period, cube: string, place: number, group: SumGroup, old?: OldTotal): void {
    const sums = [...group.sums];
    if (old) {
      for (const name of ONLY_LIVE) sums[SUM_INDEX[name]] = Number(old.sums[SUM_INDEX[name]]);
    }
    const encoded = encodeCounts(group.durations.counts ?? new Map());
    const durations = old?.durations ?? { ...percentilesMs(group.durations), encoded };
    const [k1 = null, k2 = null, k3 = null] = group.keys;
    const { hours, start } = period;
    const key = [hours, cube, start, place, k1, k2, k3];
    this.#db
      .query(INSERT)
      .run(...key, durations.encoded, durations.p50Ms, durations.p95Ms, ...sums);
  }

  /** Once a day has its total, hours before those that are kept go. */
  #deleteHours(day: number): void {
    const before = day - HOURS_KEPT;
    this.#db.query("DELETE FROM totalled_periods WHERE hours = 1 AND start < ?").run(before);
    for (const cube of Object.keys(CUBES)) this.#deleteTotals(1, cube, 0, before - 1);
  }
}
