/** Whatever call to the database fails, once: what is written again afterwards is all there, once, to the nano-dollar. */
import { Database, type Statement } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, mock, spyOn, test } from "bun:test";
import { join } from "node:path";
import { integrityProblems } from "../../src/store/integrity.ts";
import { Store } from "../../src/store/store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { ledger } from "../support/ledger.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

const METHODS = ["run", "get", "all", "values"] as const;
let callsLeft = Number.POSITIVE_INFINITY;

/** From now on the `n`-th call of a statement fails as a disk does, and no other. */
function failAt(n: number): void {
  callsLeft = n;
}

/** @returns whether the failure came. */
function failNoMore(): boolean {
  const hasFailed = callsLeft <= 0;
  callsLeft = Number.POSITIVE_INFINITY;
  return hasFailed;
}

const faulty = new WeakSet<Statement>();

/** Its methods are its own, not its prototype's. */
function makeFaulty(statement: Statement): Statement {
  if (faulty.has(statement)) return statement;
  faulty.add(statement);
  for (const name of METHODS) {
    const call = statement[name].bind(statement) as (...params: unknown[]) => unknown;
    const value = (...params: unknown[]): unknown => {
      callsLeft -= 1;
      if (callsLeft === 0) throw Object.assign(new Error("disk I/O error"), { errno: 10 });
      return call(...params);
    };
    Object.defineProperty(statement, name, { value });
  }
  return statement;
}

beforeAll(() => {
  const { prepare, query } = Database.prototype;
  spyOn(Database.prototype, "prepare").mockImplementation(function (this: Database, sql: string) {
    return makeFaulty(prepare.call(this, sql));
  } as typeof prepare);
  spyOn(Database.prototype, "query").mockImplementation(function (this: Database, sql: string) {
    return makeFaulty(query.call(this, sql));
  } as typeof query);
});
afterAll(() => mock.restore());
afterEach(() => void failNoMore());

function newStore(path: string, writer: string): Store {
  return new Store({ path, writer, busyTimeoutMs: 100 });
}

function expectSound(path: string, bot: BusyBot): void {
  expect(ledger(path)).toEqual(bot.account());
  const db = new Database(path, { readonly: true });
  expect(integrityProblems(db)).toEqual([]);
  db.close(true);
}

/** Runs `act` with a failure at its first call, its second and so on, until it needs no more of them. */
function forEachCall(act: (path: string, n: number) => boolean): number {
  for (let n = 1; ; n += 1) if (!act(join(tempDir(), "t.db"), n)) return n - 1;
}

function survived(run: () => void): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
  }
}

describe("a database of which one call fails", () => {
  test("of those that write a batch", () => {
    const calls = forEachCall((path, n) => {
      const bot = new BusyBot(1);
      const store = newStore(path, "first");
      store.write(bot.run(NOW_MS, 6), NOW_MS);
      const batch = [...bot.run(NOW_MS, 4), ...bot.run(NOW_MS, 4)];
      failAt(n);
      survived(() => store.write(batch, NOW_MS));
      const hasFailed = failNoMore();
      store.write(batch, NOW_MS);
      store.close();
      expectSound(path, bot);
      return hasFailed;
    });
    expect(calls).toBeGreaterThan(20);
  }, 60_000);

  test("of those that open the file", () => {
    const calls = forEachCall((path, n) => {
      const bot = new BusyBot(1);
      let first: Store | undefined;
      failAt(n);
      survived(() => {
        first = newStore(path, "first");
      });
      const hasFailed = failNoMore();
      first?.close();
      const store = newStore(path, "second");
      store.write(bot.run(NOW_MS, 6), NOW_MS);
      store.close();
      expectSound(path, bot);
      return hasFailed;
    });
    expect(calls).toBeGreaterThan(3);
  }, 60_000);

  test("of those that maintain it", () => {
    const laterMs = NOW_MS + 3_600_000;
    const calls = forEachCall((path, n) => {
      const bot = new BusyBot(1);
      const store = newStore(path, "first");
      store.write([...bot.run(NOW_MS, 6), ...bot.run(NOW_MS, 6)], NOW_MS);
      const options = { retentionMs: 1, maxDbBytes: 0, isCommand: true };
      const maintainer = store.maintainer(options);
      const maintain = (): void => {
        while (maintainer.step(laterMs).didWork);
      };
      failAt(n);
      survived(maintain);
      const hasFailed = failNoMore();
      maintain();
      store.close();
      expectSound(path, bot);
      return hasFailed;
    });
    expect(calls).toBeGreaterThan(50);
  }, 60_000);
});
