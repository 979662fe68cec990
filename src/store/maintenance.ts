/**
 * Keeps the file within its bounds without ever being in the way: see `Maintainer`.
 */
import type { Database, Statement } from "bun:sqlite";
import type { Checkpointer, CheckpointReport } from "./checkpoint.ts";
import { ChunkSize } from "./chunk-size.ts";
import { ClockGuard } from "./clock-guard.ts";
import { DictionaryCollector } from "./dictionary-collector.ts";
import { Lease } from "./lease.ts";
import { PeriodTotalsBuilder } from "./period-totals-builder.ts";
import { addReports, NOTHING_PURGED, type PurgeReport, Purger } from "./purge.ts";
import { PurgedTraces } from "./purged-traces.ts";
import { unforwardedSinceMs } from "./retention-hold.ts";
import { Space } from "./space.ts";
import { toStoreError } from "./store-error.ts";

export interface MaintenanceOptions {
  /** Traces last seen longer ago are purged into `usage_daily`. */
  retentionMs: number;
  /** Bytes of live pages that the file stays below, by purging the oldest traces early; 0 is no limit. */
  maxDbBytes: number;
  /** A person's command: it waits for no lease, and its settings are not the file's. @default false */
  isCommand?: boolean;
  /** Told what needs a person's eye; the same matter at most every ten minutes. */
  warn?: (message: string) => void;
}

export interface MaintenanceStep {
  /** Whether there was something to do, and there may be more. */
  didWork: boolean;
  /** Whether another process held the lock, so that it is unknown what is left. */
  isBusy: boolean;
  /** When to take the next step: right away after work, else later. */
  nextDueMs: number;
}

/** What was done so far. */
export interface MaintenanceReport {
  purged: PurgeReport;
  releasedBytes: number;
  checkpoint: CheckpointReport | null;
  /** The longest that a step held the write lock. */
  longestLockMs: number;
}

const LOOK_EVERY_MS = 60_000;
const RETRY_MS = 1000;
const WARN_EVERY_MS = 600_000;
const DAY_MS = 86_400_000;
/** How long a purged trace is remembered, and what share of the file, or of its limit, that may take. */
const REMEMBER_MS = 7 * DAY_MS;
const REMEMBER_SHARE = 1 / 8;
const REMEMBER_BYTES = 8 * 1024 * 1024;
/** Purging by size begins at this share of the limit, and ends at that one. */
const FULL_SHARE = 0.95;
const ROOMY_SHARE = 0.9;

interface UpkeepRow {
  purged_spans: number;
  collected_ms: number;
  oldest_ms: number | null;
}

type Job = (nowMs: number) => boolean;

/**
 * The kinds of chunks, and what a row of each adds to the WAL, in inserted rows: a checkpoint costs
 * three syncs, one of them within the next commit, so there must not be one after every chunk.
 */
const WEIGHTS = { spans: 1 / 16, traces: 1 / 4, purged: 1 / 4, pages: 1 / 2, dictionary: 1 / 16 };

type Kind = keyof typeof WEIGHTS;

/**
 * Maintenance as small steps: whoever owns the connection takes one whenever it has nothing better
 * to do, and may stop after any of them. Each is one transaction of a few milliseconds. What is left
 * to do stands in the file, so that a killed process leaves nothing half done and the next one goes on.
 *
 * In this order: the WAL goes back into the file; spans of purged traces are deleted; finished hours
 * and days get their totals; purged traces are forgotten; traces beyond the retention are purged, then
 * the oldest while the file is too large; freed pages are given back; the dictionary is collected once
 * a day. All but the first are done by the one process that holds the lease.
 */
export class Maintainer {
  readonly #db: Database;
  readonly #path: string;
  readonly #options: MaintenanceOptions;
  readonly #checkpointer: Checkpointer;
  readonly #lease: Lease;
  readonly #clock: ClockGuard;
  readonly #periodTotals: PeriodTotalsBuilder;
  readonly #purger: Purger;
  readonly #purgedTraces: PurgedTraces;
  readonly #collector: DictionaryCollector;
  readonly #space: Space;
  readonly #upkeep: Statement<UpkeepRow, []>;
  readonly #chunks = new Map<Kind, ChunkSize>();
  readonly #warnedMs = new Map<string, number>();
  readonly #jobs: readonly Job[];
  #nextDueMs = 0;
  #isHolder = false;
  #isShrinking = false;
  #isStuck = false;
  #isFileLonger = false;
  #report: MaintenanceReport = {
    purged: NOTHING_PURGED,
    releasedBytes: 0,
    checkpoint: null,
    longestLockMs: 0,
  };

  constructor(
    db: Database,
    path: string,
    holder: string,
    checkpointer: Checkpointer,
    options: MaintenanceOptions,
  ) {
    this.#db = db;
    this.#path = path;
    this.#options = options;
    this.#checkpointer = checkpointer;
    this.#lease = new Lease(db, holder);
    this.#clock = new ClockGuard(db);
    this.#periodTotals = new PeriodTotalsBuilder(db);
    this.#purger = new Purger(db);
    this.#purgedTraces = new PurgedTraces(db);
    this.#collector = new DictionaryCollector(db);
    this.#space = new Space(db);
    this.#upkeep = db.prepare(
      `SELECT purged_spans, collected_ms, (SELECT min(last_seen_ms) FROM traces) AS oldest_ms FROM upkeep`,
    );
    this.#jobs = [
      () => this.#deleteSpans(),
      // Before any purge: a total keeps what purged rows no longer tell.
      (nowMs) => this.#periodTotals.build(nowMs),
      (nowMs) => this.#forget(nowMs),
      (nowMs) => this.#purgeByAge(nowMs),
      (nowMs) => this.#purgeBySize(nowMs),
      () => this.#releaseSpace(),
      (nowMs) => this.#shortenFile(nowMs),
      (nowMs) => this.#collect(nowMs),
    ];
  }

  /** Whether a step has something to do: cheap enough to ask after every batch. */
  isDue(nowMs: number): boolean {
    if (this.#checkpointer.isDue(nowMs) || nowMs >= this.#nextDueMs) return true;
    // A clock that went back must not put it off.
    if (this.#nextDueMs - nowMs > 2 * 3_600_000) return true;
    return this.#isHolder && !this.#isStuck && this.#isFull(FULL_SHARE);
  }

  /**
   * Takes one step.
   * @throws {StoreError} where the file fails; while another process holds the lock, it comes back later.
   */
  step(nowMs: number): MaintenanceStep {
    try {
      const didCheckpoint = this.#checkpoint(nowMs);
      const didWork = didCheckpoint || this.#maintain(nowMs);
      // Checkpoints come with the rows, and say nothing of the rest being due.
      if (didWork && !didCheckpoint) this.#nextDueMs = nowMs;
      return { didWork, isBusy: false, nextDueMs: this.#nextDueMs };
    } catch (cause) {
      this.#collector.startOver();
      const error = toStoreError("Cannot maintain", this.#path, cause);
      this.#nextDueMs = nowMs + RETRY_MS;
      if (error.kind !== "busy") throw error;
      return { didWork: false, isBusy: true, nextDueMs: this.#nextDueMs };
    }
  }

  report(): MaintenanceReport {
    return this.#report;
  }

  /** Lets another process take over at once. */
  close(): void {
    if (this.#isHolder) this.#lease.release();
    this.#isHolder = false;
  }

  #checkpoint(nowMs: number): boolean {
    if (!this.#checkpointer.isDue(nowMs)) return false;
    this.#runCheckpoint(nowMs);
    return true;
  }

  #runCheckpoint(nowMs: number): void {
    const report = this.#checkpointer.run(nowMs);
    this.#report = { ...this.#report, checkpoint: report };
    if (report.pinned) this.#warn("pinned", report.pinned, nowMs);
  }

  #maintain(nowMs: number): boolean {
    this.#nextDueMs = nowMs + LOOK_EVERY_MS;
    if (!this.#options.isCommand) {
      const wasHolder = this.#isHolder;
      this.#isHolder = this.#lease.hold(nowMs);
      if (!this.#isHolder) return false;
      if (!wasHolder) this.#recordSettings();
    }
    return this.#jobs.some((job) => job(nowMs));
  }

  /** So that commands, which do not know the host's options, can show and follow them. */
  #recordSettings(): void {
    const { retentionMs, maxDbBytes } = this.#options;
    this.#db
      .query("UPDATE upkeep SET retention_ms = ?, max_db_bytes = ?")
      .run(Math.round(retentionMs), maxDbBytes);
  }

  #deleteSpans(): boolean {
    return this.#inChunk("spans", (rows) => this.#purger.deleteSpans(rows));
  }

  #purgeByAge(nowMs: number): boolean {
    const expiredMs = nowMs - this.#options.retentionMs;
    const heldMs = unforwardedSinceMs(this.#db, expiredMs) ?? Number.MAX_SAFE_INTEGER;
    const cutoffMs = Math.min(expiredMs, heldMs);
    const confirmAtMs = this.#clock.confirmAtMs(nowMs);
    const oldestMs = this.#upkeep.get()?.oldest_ms ?? null;
    if (oldestMs === null || oldestMs >= cutoffMs) return false;
    if (confirmAtMs !== null) {
      this.#nextDueMs = Math.min(this.#nextDueMs, confirmAtMs);
      this.#warn(
        "clock",
        `The clock is more than a day beyond anything that ${this.#path} has seen: nothing is purged by age unless it still says so after ${new Date(confirmAtMs).toISOString()}.`,
        nowMs,
      );
      return false;
    }
    return this.#retire(cutoffMs, nowMs);
  }

  #purgeBySize(nowMs: number): boolean {
    this.#isShrinking = this.#isFull(this.#isShrinking ? ROOMY_SHARE : FULL_SHARE);
    this.#isStuck = false;
    if (!this.#isShrinking) return false;
    if (this.#retire(Number.MAX_SAFE_INTEGER, nowMs)) return true;
    this.#isStuck = true;
    const mebibytes = (bytes: number): string => `${(bytes / 1048576).toFixed(1)} MiB`;
    const { liveBytes } = this.#space.report();
    this.#warn(
      "size",
      `${this.#path} holds ${mebibytes(liveBytes)}, its limit is ${mebibytes(this.#options.maxDbBytes)}, and nothing is left that may be purged: raise maxDbBytes.`,
      nowMs,
    );
    return false;
  }

  #retire(beforeMs: number, nowMs: number): boolean {
    let purged: PurgeReport = NOTHING_PURGED;
    this.#inChunk("traces", (rows) => {
      purged = this.#purger.retire(beforeMs, rows, nowMs);
      return purged.traces > 0;
    });
    this.#report = { ...this.#report, purged: addReports(this.#report.purged, purged) };
    return purged.traces > 0;
  }

  /** The oldest memories go first: all above their share, and those that are too old. */
  #forget(nowMs: number): boolean {
    const { maxDbBytes } = this.#options;
    const { liveBytes } = this.#space.report();
    const share = (maxDbBytes > 0 ? maxDbBytes : liveBytes) * REMEMBER_SHARE;
    const maxLength = maxDbBytes > 0 ? share : Math.max(share, REMEMBER_BYTES);
    const isTooMuch = this.#purgedTraces.length() > maxLength;
    if (!isTooMuch && this.#clock.confirmAtMs(nowMs) !== null) return false;
    const beforeMs = isTooMuch ? Number.MAX_SAFE_INTEGER : nowMs - REMEMBER_MS;
    return this.#inChunk("purged", (rows) => this.#purgedTraces.forget(beforeMs, rows) > 0);
  }

  #releaseSpace(): boolean {
    const excess = this.#space.excessPages();
    if (excess === 0) return false;
    return this.#inChunk("pages", (rows) => {
      const before = this.#space.report();
      this.#space.release(Math.min(rows, excess));
      const { fileBytes } = this.#space.report();
      const releasedBytes = this.#report.releasedBytes + before.fileBytes - fileBytes;
      this.#report = { ...this.#report, releasedBytes };
      this.#isFileLonger = true;
      return fileBytes < before.fileBytes;
    });
  }

  /** Released pages are still in the file until a checkpoint cuts it. */
  #shortenFile(nowMs: number): boolean {
    if (!this.#isFileLonger) return false;
    this.#isFileLonger = false;
    this.#runCheckpoint(nowMs);
    return true;
  }

  #collect(nowMs: number): boolean {
    if (!this.#collector.isUnderWay) {
      const upkeep = this.#upkeep.get();
      const isRecent = Math.abs(nowMs - (upkeep?.collected_ms ?? 0)) < DAY_MS;
      if (!upkeep?.purged_spans || isRecent) return false;
    }
    return this.#inChunk("dictionary", (rows) => {
      this.#collector.step(rows, nowMs);
      return true;
    });
  }

  #isFull(share: number): boolean {
    const { maxDbBytes } = this.#options;
    return maxDbBytes > 0 && this.#space.report().liveBytes > maxDbBytes * share;
  }

  /** One transaction of as many rows as lately took a few milliseconds. */
  #inChunk(kind: Kind, run: (rows: number) => boolean): boolean {
    let chunk = this.#chunks.get(kind);
    if (!chunk) {
      chunk = new ChunkSize();
      this.#chunks.set(kind, chunk);
    }
    const { rows } = chunk;
    let beganMs = 0;
    const didWork = this.#db
      .transaction(() => {
        beganMs = performance.now(); // The lock is ours from here on.
        return run(rows);
      })
      .immediate();
    if (!didWork) return false;
    const tookMs = performance.now() - beganMs;
    chunk.learn(tookMs);
    this.#checkpointer.noteRows(rows * WEIGHTS[kind]);
    if (tookMs > this.#report.longestLockMs)
      this.#report = { ...this.#report, longestLockMs: tookMs };
    return true;
  }

  #warn(matter: string, message: string, nowMs: number): void {
    const lastMs = this.#warnedMs.get(matter);
    if (lastMs !== undefined && Math.abs(nowMs - lastMs) < WARN_EVERY_MS) return;
    this.#warnedMs.set(matter, nowMs);
    this.#options.warn?.(message);
  }
}
