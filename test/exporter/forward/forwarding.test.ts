/** Forwarding that goes on for days: whatever becomes of the file, it is opened again. */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import {
  type ForwardProgress,
  NOTHING_FORWARDED,
} from "../../../src/exporter/forward/forwarder.ts";
import { forwardUntil } from "../../../src/exporter/forward/forwarding.ts";
import { Store } from "../../../src/store/store.ts";
import { OK, type OtlpServer, startOtlpServer } from "../../support/otlp-server.ts";
import { NOW_MS, spanRow } from "../../support/span-rows.ts";
import { useTempDir } from "../../support/temp-dir.ts";

const tempDir = useTempDir();
let path: string;
let server: OtlpServer;
let stop: AbortController;
let told: ForwardProgress[];
let running: Promise<void>;

beforeEach(() => {
  path = join(tempDir(), "t.db");
  server = startOtlpServer();
  stop = new AbortController();
  told = [];
});
afterEach(async () => {
  stop.abort();
  await running;
  await server.close();
});

function write(...names: string[]): void {
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  store.write(
    names.map((name) => spanRow({ span: name, name })),
    NOW_MS,
  );
  store.close();
}

/** Long waits are over at once. */
function start(): void {
  let nowMs = NOW_MS;
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
      await Bun.sleep(1);
    },
  };
  const target = { path, protocol: "http/json" as const, endpoint: server.url };
  const note = (progress: ForwardProgress): void => void told.push(progress);
  const ends = { stop: stop.signal, end: stop.signal };
  running = forwardUntil(target, { ...ends, clock, progress: NOTHING_FORWARDED, onProgress: note });
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isTrue(); tries++) await Bun.sleep(5);
}

test("a new file at the path of one that was set aside is sent from its beginning", async () => {
  write("a", "b");
  start();
  await until(() => server.accepted.length === 2);
  for (const suffix of ["", "-wal", "-shm"]) renameSync(path + suffix, `${path}.aside${suffix}`);
  write("c", "d");
  await until(() => server.accepted.length === 4);
  expect(server.accepted).toEqual(["a", "b", "c", "d"]);
  expect(told.at(-1)).toEqual({ accepted: 4, refused: 0, trouble: null });
  expect(told.map(({ trouble }) => trouble)).toContain(
    `${path} was moved or deleted while it was read`,
  );
});

test("trouble with the file is over once it can be used again, although nothing is left to send", async () => {
  write("a");
  const lock = new Database(path);
  lock.run("BEGIN IMMEDIATE");
  start();
  await until(() => told.length > 0);
  expect(told.at(-1)?.trouble).toContain("database is locked");
  lock.run("DELETE FROM traces"); // As if they had been purged meanwhile.
  lock.run("COMMIT");
  lock.close(true);
  await until(() => told.at(-1)?.trouble === null);
  expect(told.at(-1)).toEqual({ accepted: 0, refused: 0, trouble: null });
});

test("what a destination left waiting is no trouble any more once another process has sent it", async () => {
  write("a");
  server.behave(() => ({ status: 503, body: "starting" }));
  start();
  await until(() => told.length > 0);
  expect(told.at(-1)?.trouble).toBe("HTTP 503 starting");
  const other = new Database(path);
  other.run("UPDATE forward_destinations SET cursor = 1");
  other.close(true);
  await until(() => told.at(-1)?.trouble === null);
  expect(told.at(-1)).toEqual({ accepted: 0, refused: 0, trouble: null });
  server.behave(() => OK);
});
