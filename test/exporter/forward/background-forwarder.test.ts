import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import {
  BackgroundForwarder,
  startForwardWorker,
} from "../../../src/exporter/forward/background-forwarder.ts";
import type { ForwardTarget } from "../../../src/exporter/forward/forwarding.ts";
import { StateLog } from "../../../src/exporter/state-log.ts";
import { Store } from "../../../src/store/store.ts";
import { type OtlpServer, startOtlpServer } from "../../support/otlp-server.ts";
import { NOW_MS, spanRow } from "../../support/span-rows.ts";
import { useTempDir } from "../../support/temp-dir.ts";

const tempDir = useTempDir();
const SOURCE = join(import.meta.dir, "../../../src/exporter/forward/background-forwarder.ts");
let lines: string[];
let server: OtlpServer;
let target: ForwardTarget;

beforeEach(() => {
  lines = [];
  server = startOtlpServer();
  const path = join(tempDir(), "t.db");
  target = { path, protocol: "http/json", endpoint: server.url };
  const store = new Store({ path, writer: "w", busyTimeoutMs: 100 });
  store.write(
    ["a", "b"].map((name) => spanRow({ span: name, name })),
    NOW_MS,
  );
  store.close();
});
afterEach(() => server.close());

function log(): StateLog {
  const own = lines; // A forwarder that was given up on may speak after its test.
  const note = (line: string): void => void own.push(line);
  return new StateLog({ warn: note, error: note }, Date.now);
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isTrue(); tries++) await Bun.sleep(10);
}

test("what a backend refuses is told to the log, once", async () => {
  server.behave(({ names }) =>
    names.includes("b") ? { status: 400, body: "no b" } : { status: 200, body: {} },
  );
  const forwarder = new BackgroundForwarder(target, log());
  await until(() => forwarder.progress().refused > 0);
  await forwarder.stop(1000);
  expect(forwarder.progress()).toEqual({ accepted: 1, refused: 1, trouble: null });
  expect(lines).toEqual(["The OTLP destination refused 1 span; see the table forward_refusals."]);
});

test("stopping ends at its deadline, whatever the backend does", async () => {
  server.behave(() => "hang");
  const forwarder = new BackgroundForwarder(target, log());
  await until(() => server.requests.length > 0);
  await forwarder.stop(50);
  expect(forwarder.progress().accepted).toBe(0);
});

test("a file that cannot be opened is told to the log, and stopping is still possible", async () => {
  const forwarder = new BackgroundForwarder({ ...target, path: "/proc/nowhere/t.db" }, log());
  await until(() => lines.length > 0);
  expect(lines[0]).toStartWith("Stored spans wait to be forwarded: Cannot open /proc/nowhere/t.db");
  await forwarder.stop(1000);
});

test("a Worker that fails is replaced, and goes on where it was", async () => {
  const workers: Worker[] = [];
  const startWorker = (): Worker => {
    const worker = startForwardWorker();
    workers.push(worker);
    return worker;
  };
  const forwarder = new BackgroundForwarder(target, log(), { startWorker, restartMs: 10 });
  await until(() => forwarder.progress().accepted === 2);
  workers[0]?.terminate();
  await until(() => workers.length === 2);
  expect(lines).toEqual([
    "Stored spans wait to be forwarded: the Worker that forwards failed: it ended.",
  ]);
  const store = new Store({ path: target.path, writer: "w2", busyTimeoutMs: 1000 });
  store.write([spanRow({ span: "c", name: "c" })], NOW_MS);
  store.close();
  await until(() => server.accepted.length === 3);
  await forwarder.stop(1000);
  expect(server.accepted).toEqual(["a", "b", "c"]);
  expect(forwarder.progress()).toEqual({ accepted: 3, refused: 0, trouble: null });
});

test("stopping does not wait for a Worker that is still to be replaced", async () => {
  const worker = startForwardWorker();
  const forwarder = new BackgroundForwarder(target, log(), { startWorker: () => worker });
  await until(() => forwarder.progress().accepted === 2);
  worker.terminate();
  await until(() => forwarder.progress().trouble !== null);
  await forwarder.stop(600_000);
  expect(forwarder.progress().accepted).toBe(2);
});

test("a Worker that fails while it is stopped ends the wait", async () => {
  server.behave(() => "hang");
  const worker = startForwardWorker();
  const forwarder = new BackgroundForwarder(target, log(), { startWorker: () => worker });
  await until(() => server.requests.length > 0);
  const stopped = forwarder.stop(600_000);
  worker.terminate();
  await stopped;
  expect(forwarder.progress().trouble).toBe("the Worker that forwards failed: it ended");
});

test("in a bundle, which lacks the Worker's file, it forwards on the host's own thread", async () => {
  const directory = tempDir();
  const build = await Bun.build({ entrypoints: [SOURCE], outdir: directory, target: "bun" });
  expect(build.success).toBe(true);
  const bundle = (await import(join(directory, "background-forwarder.js"))) as {
    BackgroundForwarder: typeof BackgroundForwarder;
  };
  const forwarder = new bundle.BackgroundForwarder(target, log());
  await until(() => server.accepted.length === 2);
  await forwarder.stop(1000);
  expect(server.accepted).toEqual(["a", "b"]);
  expect(forwarder.progress()).toEqual({ accepted: 2, refused: 0, trouble: null });
});
