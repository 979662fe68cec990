import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type CostQuery, type CostReport, costReport } from "../../src/report/cost-report.ts";
import { CUBES, HOUR_MS } from "../../src/store/period-totals.ts";
import { PeriodTotalsBuilder } from "../../src/store/period-totals-builder.ts";
import { openReader } from "../../src/store/reader.ts";
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { execution, modelUsage, NOW_MS, spanRow, usage } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const DAY_MS = 24 * HOUR_MS;
const RETENTION_MS = 30 * DAY_MS;

function openStore(path: string): Store {
  return new Store({ path, writer: "w", busyTimeoutMs: 1000 });
}

function maintain(store: Store, nowMs = NOW_MS, retentionMs = RETENTION_MS): void {
  const maintainer = store.maintainer({ retentionMs, maxDbBytes: 0 });
  while (maintainer.step(nowMs).didWork);
}

function report(path: string, query: CostQuery): CostReport {
  using reader = openReader(path);
  return costReport(reader, query);
}

function change(path: string, sql: string): void {
  const db = new Database(path);
  db.run(sql);
  db.close(true);
}

const FORGET_ALL = "DELETE FROM totalled_periods";

function count(path: string, sql: string): number {
  using reader = openReader(path);
  return Number(reader.values(`SELECT count(*) FROM ${sql}`)[0]?.[0]);
}

let original: string;
beforeAll(() => {
  original = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  writeFile(original);
});
afterAll(() => rmSync(dirname(original), { recursive: true }));

/** A copy of a file of 45 days, the first 15 of them purged, and all but today with totals. */
function createFile(): string {
  const path = join(tempDir(), "t.db");
  copyFileSync(original, path);
  return path;
}

function writeFile(path: string): void {
  const store = openStore(path);
  const bot = new BusyBot(3);
  for (let hour = 45 * 24; hour >= 0; hour -= 7) {
    const endMs = NOW_MS - hour * HOUR_MS - (hour % 5) * 60_000;
    store.write(bot.run(endMs, 3 + (hour % 9)), endMs);
  }
  maintain(store);
  store.close();
}

const QUERIES: CostQuery[] = [
  {},
  { by: ["model"] },
  { by: ["provider", "model"] },
  { by: ["provider"] },
  { by: ["day", "repo"] },
  { by: ["month", "agent"] },
  { by: ["week"], where: [["repo", "acme/repo-1"]] },
  { by: ["day"], tz: "Europe/Berlin", since: NOW_MS - 9 * DAY_MS },
  { by: ["hour"], since: NOW_MS - 2 * DAY_MS },
  { by: ["event"], where: [["model", "gpt-5"]] },
  { by: ["repo", "model"], since: NOW_MS - 20 * DAY_MS },
  { by: ["model"], since: NOW_MS - 12.3 * DAY_MS, until: NOW_MS - 3.7 * DAY_MS },
  { by: ["day"], since: NOW_MS - 29.5 * DAY_MS, where: [["repo", null]] },
];

describe("totals of finished periods", () => {
  test("say what the rows say, for whatever is asked", () => {
    const path = createFile();
    expect(count(path, "usage_daily")).toBeGreaterThan(0);
    expect(count(path, "period_totals WHERE hours = 24")).toBeGreaterThan(0);
    expect(count(path, "period_totals WHERE hours = 1")).toBeGreaterThan(0);
    // Purged days know the durations of their runs from their totals alone, so those are not compared.
    const comparable = ({ groups, total }: CostReport): unknown =>
      JSON.parse(
        JSON.stringify([groups, total], (name, value) => (/p\d+DurationMs/.test(name) ? 0 : value)),
      );
    const fromTotals = QUERIES.map((query) => comparable(report(path, query)));
    change(path, FORGET_ALL);
    const fromRows = QUERIES.map((query) => comparable(report(path, query)));
    expect(fromTotals).toEqual(fromRows);
  });

  test("are what reports read: a wrong total is a wrong report", () => {
    const path = createFile();
    const before = report(path, {}).total.runs;
    change(path, "UPDATE period_totals SET runs = runs + 1 WHERE hours = 24 AND cube = ''");
    expect(report(path, {}).total.runs).toBeGreaterThan(before);
  });

  test("keep the durations of runs that were purged since", () => {
    const path = join(tempDir(), "t.db");
    const store = openStore(path);
    const endMs = NOW_MS - 20 * DAY_MS;
    store.write(
      [spanRow({ endMs, execution: execution({ durationMs: 90 }), usage: usage() })],
      endMs,
    );
    maintain(store);
    maintain(store, NOW_MS + 20 * DAY_MS);
    expect(count(path, "executions")).toBe(0);
    expect(report(path, {}).total).toMatchObject({ runs: 1, p50DurationMs: 90 });
    store.close();
  });

  test("are forgotten by a run that comes late, and built again", () => {
    const path = join(tempDir(), "t.db");
    const store = openStore(path);
    const endMs = NOW_MS - 3 * DAY_MS;
    const run = (trace: string) =>
      spanRow({ trace, endMs, execution: execution(), usage: usage({ models: [modelUsage()] }) });
    store.write([run("a")], endMs);
    maintain(store);
    expect(report(path, { by: ["day"] }).groups).toMatchObject([{ runs: 1, inputTokens: 10 }]);
    store.write([run("b")], NOW_MS);
    expect(report(path, { by: ["day"] }).groups).toMatchObject([{ runs: 2, inputTokens: 20 }]);
    maintain(store, NOW_MS + HOUR_MS);
    change(path, "DELETE FROM usage_rows");
    expect(report(path, { by: ["day"] }).groups).toMatchObject([{ runs: 2, inputTokens: 20 }]);
    store.close();
  });

  test("follow usage that moves to the day on which its run ends", () => {
    const path = join(tempDir(), "t.db");
    const store = openStore(path);
    const midnightMs = Math.floor(NOW_MS / DAY_MS) * DAY_MS;
    store.write(
      [spanRow({ span: "chat", parent: "run", endMs: midnightMs - 60_000, usage: usage() })],
      midnightMs,
    );
    maintain(store, midnightMs + 600_000);
    const days = () => report(path, { by: ["day"] }).groups.map(({ key }) => key["day"]);
    expect(days()).toEqual(["2026-11-19"]);
    store.write(
      [spanRow({ span: "run", endMs: midnightMs + 900_000, execution: execution() })],
      midnightMs + 900_000,
    );
    expect(days()).toEqual(["2026-11-20"]);
    store.close();
  });

  test("are not put in where their rows changed while they were read", () => {
    const path = join(tempDir(), "t.db");
    const store = openStore(path);
    const endMs = NOW_MS - 3 * DAY_MS;
    store.write([spanRow({ endMs, execution: execution(), usage: usage() })], endMs);
    const db = new Database(path);
    const builder = new PeriodTotalsBuilder(db);
    const values = db.prepare.bind(db);
    let isLate = true;
    db.prepare = ((sql: string) => {
      if (isLate && sql.includes("FROM usage_rows u")) {
        isLate = false;
        store.write([spanRow({ trace: "late", endMs, execution: execution() })], NOW_MS);
      }
      return values(sql);
    }) as typeof db.prepare;
    while (isLate) builder.build(NOW_MS);
    expect(report(path, {}).total.runs).toBe(2);
    while (builder.build(NOW_MS));
    expect(report(path, {}).total.runs).toBe(2);
    db.close(true);
    store.close();
  });

  test("are not put in under the mark of another builder, which reads later", () => {
    const path = join(tempDir(), "t.db");
    const store = openStore(path);
    const endMs = NOW_MS - 3 * DAY_MS;
    store.write([spanRow({ endMs, execution: execution(), usage: usage() })], endMs);
    const [slow, late] = [new Database(path), new Database(path)];
    const builder = new PeriodTotalsBuilder(slow, 0);
    builder.build(NOW_MS); // The empty hours since.
    builder.build(NOW_MS); // A part of the hour.
    store.write([spanRow({ trace: "late", endMs, execution: execution() })], NOW_MS);
    new PeriodTotalsBuilder(late, 0).build(NOW_MS);
    for (const _ of Object.keys(CUBES)) builder.build(NOW_MS); // All others, and the end.
    for (const by of [[], ["repo"], ["event"], ["agent"]] as const) {
      expect(report(path, { by }).groups.map(({ runs }) => runs)).toEqual([2]);
    }
    slow.close(true);
    late.close(true);
    store.close();
  });

  test("of hours are kept for five weeks", () => {
    const path = createFile();
    const firstHour = Math.floor(NOW_MS / HOUR_MS) - 36 * 24;
    expect(count(path, "period_totals WHERE hours = 1")).toBeGreaterThan(0);
    expect(count(path, `period_totals WHERE hours = 1 AND start < ${firstHour}`)).toBe(0);
  });

  test("of a night without runs take one step", () => {
    const path = join(tempDir(), "t.db");
    const store = openStore(path);
    const write = (trace: string, endMs: number) =>
      store.write([spanRow({ trace, endMs, execution: execution(), usage: usage() })], endMs);
    write("old", NOW_MS - 25 * DAY_MS);
    write("new", NOW_MS - 2 * HOUR_MS);
    const db = new Database(path);
    const builder = new PeriodTotalsBuilder(db);
    let steps = 0;
    while (builder.build(NOW_MS)) steps += 1;
    expect(steps).toBeLessThan(12);
    db.close(true);
    store.close();
  });
});
