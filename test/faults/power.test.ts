/**
 * What a power cut may leave. Commits are not synced, checkpoints are (synchronous = NORMAL): so of the
 * -wal any part may be missing or garbled behind what a checkpoint had synced, and of the database any
 * page that a checkpoint was just copying.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { NOW_MS, spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { range, spansIn } from "./child.ts";

const tempDir = useTempDir();

const BATCH = 10;
const BATCHES = 30;
const PAGE_BYTES = 4096;
const WAL_HEADER_BYTES = 32;
const FRAME_BYTES = 24 + PAGE_BYTES;
const CUTS = 40;

/** The bytes of a database and its -wal in the midst of its writer's life. */
interface Image {
  db: Buffer;
  wal: Buffer;
}

/** The first batch is in the file itself, all others are in the -wal alone. */
function imageOfAWriter(): Image {
  const path = join(tempDir(), "t.db");
  const store = new Store({ path, writer: "w", busyTimeoutMs: 100 });
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const rows = range(BATCH, batch * BATCH).map((n) =>
      spanRow({ trace: n, span: n, attributeKeys: '["n"]', attributeValues: `[${n}]` }),
    );
    store.write(rows, NOW_MS);
    if (batch === 0) store.truncateWal();
  }
  const copy = join(tempDir(), "copy.db");
  // By a process of its own: this one would lose its locks.
  for (const suffix of ["", "-wal"]) Bun.spawnSync(["cp", path + suffix, copy + suffix]);
  store.close();
  return { db: readFileSync(copy), wal: readFileSync(`${copy}-wal`) };
}

/** Opens what was left, as the next host does, and looks at what is in it. */
function afterTheCut({ db, wal }: Image): { batches: number; next: string } {
  const path = join(tempDir(), "t.db");
  writeFileSync(path, db);
  writeFileSync(`${path}-wal`, wal);
  const store = new Store({ path, writer: "next", busyTimeoutMs: 100 });
  const found = spansIn(path);
  expect(found).toEqual({ numbers: range(found.numbers.length), integrity: "ok" });
  expect(found.numbers.length % BATCH).toBe(0);
  store.write([spanRow({ trace: 9999, span: 9999 })], NOW_MS);
  store.close();
  return { batches: found.numbers.length / BATCH, next: spansIn(path).integrity };
}

describe("after a power cut the batches up to some moment are there, whole, and none beyond it", () => {
  const places = range(CUTS).map((i) => (i + 0.37) / CUTS);
  const losses: [string, (wal: Buffer, at: number) => Buffer][] = [
    ["the end of the -wal", (wal, at) => wal.subarray(0, at)],
    ["what was in the end of the -wal, which is zeros", (wal, at) => wal.fill(0, at)],
    ["a block within the -wal", (wal, at) => wal.fill(0x5a, at, at + 512)],
    ["a bit within the -wal", (wal, at) => wal.fill((wal[at] ?? 0) ^ 1, at, at + 1)],
  ];
  for (const [what, lose] of losses) {
    test(`that took ${what}`, () => {
      const { db, wal } = imageOfAWriter();
      const kept = places.map((place) => {
        const at = Math.floor(place * wal.length);
        const { batches, next } = afterTheCut({ db, wal: lose(Buffer.from(wal), at) });
        expect(next).toBe("ok");
        expect(batches).toBeGreaterThanOrEqual(1); // What was synced.
        return batches;
      });
      // The later the damage, the more is kept.
      expect(kept).toEqual(kept.toSorted((a, b) => a - b));
      expect(new Set(kept).size).toBeGreaterThan(CUTS / 4);
    });
  }

  test("that came in the midst of a checkpoint: the -wal has each page that is half copied", () => {
    const { db, wal } = imageOfAWriter();
    for (let at = WAL_HEADER_BYTES; at < wal.length; at += FRAME_BYTES) {
      const page = (wal.readUInt32BE(at) - 1) * PAGE_BYTES;
      if (page < db.length) db.fill(0x5a, page + PAGE_BYTES / 2, page + PAGE_BYTES);
    }
    expect(afterTheCut({ db, wal })).toEqual({ batches: BATCHES, next: "ok" });
  });
});
