import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { integrityProblems } from "../../src/store/integrity.ts";
import type { Maintainer } from "../../src/store/maintenance.ts";
import { Store } from "../../src/store/store.ts";
import { NOW_MS, spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const DAY_MS = 86_400_000;
const OLD_MS = NOW_MS - 100 * DAY_MS;

function openStore(path: string, writer: string): Store {
  return new Store({ path, writer, busyTimeoutMs: 1000 });
}

function finish(maintainer: Maintainer, nowMs: number): void {
  while (maintainer.step(nowMs).didWork);
}

function look<T>(path: string, run: (db: Database) => T): T {
  const db = new Database(path, { readonly: true });
  try {
    return run(db);
  } finally {
    db.close(true);
  }
}

function dictionary(path: string): unknown {
  const sql = `SELECT (SELECT count(*) FROM span_shapes), (SELECT count(*) FROM scopes),
    (SELECT count(*) FROM resources)`;
  return look(path, (db) => db.query(sql).values()[0]);
}

const named = (name: string, span: number, endMs: number) =>
  spanRow({
    trace: span,
    span,
    endMs,
    name,
    scope: `{"name":"scope ${name}"}`,
    resource: `{"attributes":{"service.instance.id":"${name}"}}`,
  });

describe("the dictionary", () => {
  test("keeps what a span uses, and loses what only purged spans used", () => {
    const path = join(tempDir(), "t.db");
    const store = openStore(path, "a");
    store.write([named("gone", 1, OLD_MS), named("kept", 2, NOW_MS)], NOW_MS);
    finish(store.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: 0 }), NOW_MS);
    expect(dictionary(path)).toEqual([1, 1, 1]);
    expect(look(path, (db) => db.query("SELECT name FROM spans").values())).toEqual([["kept"]]);
    store.close();
  });

  test("gives a name that was collected a new row, in every process that remembers the old one", () => {
    const path = join(tempDir(), "t.db");
    const [a, b] = [openStore(path, "a"), openStore(path, "b")];
    a.write([named("x", 1, OLD_MS)], NOW_MS);
    b.write([named("x", 2, OLD_MS)], NOW_MS);
    finish(a.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: 0 }), NOW_MS);
    expect(dictionary(path)).toEqual([0, 0, 0]);
    a.write([named("x", 3, NOW_MS)], NOW_MS);
    b.write([named("x", 4, NOW_MS)], NOW_MS);
    expect(look(path, (db) => db.query("SELECT name FROM spans").values())).toEqual([["x"], ["x"]]);
    for (const store of [a, b]) store.close();
  });

  test("never loses a row that a span refers to, whoever writes between the steps of two collectors", () => {
    const move = fc.oneof(
      fc.record({ write: fc.nat(4), by: fc.nat(2), isOld: fc.boolean() }),
      fc.record({ steps: fc.integer({ min: 1, max: 4 }), by: fc.nat(1) }),
    );
    fc.assert(
      fc.property(fc.array(move, { minLength: 5, maxLength: 30 }), (moves) => {
        const path = join(tempDir(), "t.db");
        const stores = ["a", "b", "c"].map((writer) => openStore(path, writer));
        const options = { retentionMs: 90 * DAY_MS, maxDbBytes: 0, isCommand: true };
        const maintainers = stores.map((store) => store.maintainer(options));
        let nowMs = NOW_MS;
        for (const [i, next] of moves.entries()) {
          nowMs += DAY_MS;
          if ("write" in next) {
            const endMs = next.isOld ? nowMs - 100 * DAY_MS : nowMs;
            stores[next.by]?.write([named(`n${next.write}`, i, endMs)], nowMs);
          } else {
            for (let step = 0; step < next.steps; step++) maintainers[next.by]?.step(nowMs);
          }
          expect(look(path, integrityProblems)).toEqual([]);
        }
        for (const store of stores) store.close();
      }),
      { numRuns: 25 },
    );
  }, 30_000);
});
