import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Diagnosis, diagnose } from "../../src/store/diagnosis.ts";
import { hasWalResetBug } from "../../src/store/integrity.ts";
import { Store } from "../../src/store/store.ts";
import { NOW_MS, spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const DAY_MS = 86_400_000;

/** A sound file, changed as a test wants it, looked at when the test says. */
function diagnosed(change: (path: string) => void, nowMs = NOW_MS): Diagnosis {
  const store = new Store({ path: join(tempDir(), "t.db"), writer: "w", busyTimeoutMs: 1000 });
  store.write([spanRow({ span: 1 }), spanRow({ span: 2 })], NOW_MS);
  while (store.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: 0 }).step(NOW_MS).didWork);
  store.close();
  change(store.path);
  return diagnose(store.path, nowMs);
}

function sql(...statements: string[]): (path: string) => void {
  return (path) => {
    const db = new Database(path);
    for (const statement of statements) db.run(statement);
    db.close(true);
  };
}

describe("doctor", () => {
  test("finds nothing in a sound file, and says what is in it", () => {
    const diagnosis = diagnosed(() => {});
    expect(diagnosis.findings).toEqual([]);
    expect(diagnosis.contents).toMatchObject({
      traces: 1,
      spans: 2,
      oldestMs: NOW_MS,
      writtenSpans: 2,
      retentionMs: 90 * DAY_MS,
      maintainer: null,
    });
    expect([diagnosis.fileMode, diagnosis.integrity]).toEqual(["600", []]);
  });

  const CASES: [string, (path: string) => void, string][] = [
    ["a file that others may read", (path) => chmodSync(path, 0o644), "run chmod 600"],
    [
      "a directory that others may write to",
      (path) => chmodSync(dirname(path), 0o777),
      "run chmod go-w on the directory",
    ],
    [
      "a directory for everybody, such as /tmp",
      (path) => chmodSync(dirname(path), 0o1777),
      "move it to a directory of its own",
    ],
    ["a newer schema", sql("PRAGMA user_version = 99"), "update spanledger"],
    ["a span that lost its name", sql("DELETE FROM span_shapes"), "bring a backup back"],
    [
      "spans that were dropped of late",
      sql(
        "INSERT INTO exporter_health VALUES ('w', 'dropped', 'queue_full', 7, '2026-11-20', '2026-11-20')",
      ),
      "7 spans were dropped in the last seven days (queue_full)",
    ],
    [
      "a file above its limit",
      sql("UPDATE upkeep SET max_db_bytes = 1000"),
      "run spanledger maintain",
    ],
  ];

  test.each(CASES)("says what to do about %s", (_, change, sentence) => {
    const { findings } = diagnosed(change);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toContain(sentence);
  });

  test("says that nothing maintains a file whose retention is long over", () => {
    const { findings } = diagnosed(() => {}, NOW_MS + 100 * DAY_MS);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toContain("run spanledger maintain");
  });

  test("leaves drops of long ago out of what needs a person", () => {
    const diagnosis = diagnosed(
      sql(
        "INSERT INTO exporter_health VALUES ('w', 'dropped', 'poison', 7, '2026-01-01', '2026-01-01')",
      ),
    );
    expect(diagnosis.findings).toEqual([]);
    expect(diagnosis.contents?.droppedSpans).toEqual({ poison: 7 });
  });
});

test("the versions of SQLite with the WAL-reset bug are known", () => {
  const versions = ["3.7.0", "3.43.2", "3.44.6", "3.50.6", "3.50.7", "3.51.2", "3.51.3", "3.54.1"];
  expect(versions.filter(hasWalResetBug)).toEqual(["3.7.0", "3.43.2", "3.50.6", "3.51.2"]);
});
