import { statSync } from "node:fs";
import type { SpanRow } from "../../src/store/rows.ts";
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "./busy-bot.ts";
import { ledger } from "./ledger.ts";

export interface YearOptions {
  path: string;
  days: number;
  spansPerDay: number;
  retentionDays: number;
  /** From the middle of the year on: until then, age alone limits the file. */
  maxDbBytes: number;
}

export interface YearResult {
  spans: number;
  purgedTraces: number;
  /** Spans that came back after their trace was purged, or before it had ended. */
  lateSpans: number;
  largestFileBytes: number;
  largestFileBytesUnderLimit: number;
  largestWalBytes: number;
  longestLockMs: number;
  isExact: boolean;
}

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const SPANS_PER_RUN = [3, 12, 20, 45] as const;

/** Looks at the file after every batch and every step of maintenance; stat alone, never a read. */
class Watch {
  largestFileBytes = 0;
  largestWalBytes = 0;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  look(): void {
    this.largestFileBytes = Math.max(this.largestFileBytes, statSync(this.#path).size);
    this.largestWalBytes = Math.max(this.largestWalBytes, statSync(`${this.#path}-wal`).size);
  }
}

const BATCH_SPANS = 512;
const LATE_MS = DAY_MS / 2;

/** A busy bot's year on an injected clock: restarts, late spans, a limit of the size from midyear on. */
export function simulateYear(options: YearOptions): YearResult {
  const { path, days, spansPerDay, retentionDays, maxDbBytes } = options;
  const bot = new BusyBot(1);
  const watch = new Watch(path);
  const late: { rows: SpanRow[]; dueMs: number }[] = [];
  let largestUnderLimit = 0;
  let purgedTraces = 0;
  let lateSpans = 0;
  let longestLockMs = 0;
  let runs = 0;
  for (let life = 0, day = 0; day < days; life++) {
    // A new process every thirty days, and at midyear one with a limit.
    const isLimited = day >= days / 2;
    const lastDay = Math.min(day + 30, isLimited ? days : Math.ceil(days / 2));
    const store = new Store({ path, writer: `life-${life}`, busyTimeoutMs: 1000 });
    const maintainer = store.maintainer({
      retentionMs: retentionDays * DAY_MS,
      maxDbBytes: isLimited ? maxDbBytes : 0,
    });
    const maintain = (nowMs: number, isSettled: boolean): void => {
      for (let didWork = maintainer.isDue(nowMs); didWork; ) {
        didWork = maintainer.step(nowMs).didWork;
        watch.look();
        if (isLimited && isSettled)
          largestUnderLimit = Math.max(largestUnderLimit, statSync(path).size);
      }
    };
    maintain(START_MS + day * DAY_MS, false);
    for (; day < lastDay; day++) {
      for (let spans = 0; spans < spansPerDay; ) {
        const nowMs = START_MS + day * DAY_MS + Math.floor((spans / spansPerDay) * DAY_MS);
        const batch: SpanRow[] = [];
        const ends: SpanRow[] = [];
        while (batch.length < BATCH_SPANS && spans < spansPerDay) {
          const rows = bot.run(nowMs, SPANS_PER_RUN[runs % SPANS_PER_RUN.length] ?? 3);
          // Now and then the end of a run arrives half a day later, when its trace may be purged.
          if (runs % 50 === 7) ends.push(...rows.splice(-2));
          batch.push(...rows);
          spans += rows.length;
          runs += 1;
        }
        late.push({ rows: ends, dueMs: nowMs + LATE_MS });
        while (late[0] && late[0].dueMs <= nowMs) batch.push(...(late.shift()?.rows ?? []));
        store.write(batch, nowMs);
        lateSpans += ends.length;
        watch.look();
        maintain(nowMs, true);
      }
    }
    const report = maintainer.report();
    purgedTraces += report.purged.traces;
    longestLockMs = Math.max(longestLockMs, report.longestLockMs);
    const rest = late.flatMap(({ rows }) => rows);
    if (day >= days) store.write(rest, START_MS + day * DAY_MS);
    store.close();
  }
  return {
    spans: bot.spans,
    purgedTraces,
    lateSpans,
    largestFileBytes: watch.largestFileBytes,
    largestFileBytesUnderLimit: largestUnderLimit,
    largestWalBytes: watch.largestWalBytes,
    longestLockMs,
    isExact: Bun.deepEquals(ledger(path), bot.account(), true),
  };
}
