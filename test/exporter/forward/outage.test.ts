/** The whole way: runs into a file, a collector that is away and comes back in every bad mood, all spans there. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Forwarder } from "../../../src/exporter/forward/forwarder.ts";
import { HttpDestination } from "../../../src/exporter/forward/http-destination.ts";
import { startTelemetry } from "../../../src/index.ts";
import { Outbox } from "../../../src/store/outbox.ts";
import { type Behaviour, OK, type OtlpServer, startOtlpServer } from "../../support/otlp-server.ts";
import { NOW_MS } from "../../support/span-rows.ts";
import { useTempDir } from "../../support/temp-dir.ts";

const tempDir = useTempDir();
const RUNS = 1000;

/** Runs of an agent, two spans each. */
async function writeRuns(dbPath: string, runs: number): Promise<void> {
  const telemetry = startTelemetry({ dbPath, exporters: ["sqlite"], registerGlobals: false });
  for (let run = 0; run < runs; run++) {
    await telemetry.traceExecution({ name: `run-${run}` }, () =>
      telemetry.tracer.startSpan(`step of run-${run}`).end(),
    );
  }
  await telemetry.shutdown();
}

interface Row {
  last: number;
  cursor: number;
  refused: number;
}

function outboxState(dbPath: string): Row {
  const db = new Database(dbPath, { readonly: true });
  try {
    const sql = `SELECT (SELECT max(id) FROM span_rows) AS last, cursor, refused FROM forward_destinations`;
    return db.query(sql).get() as Row;
  } finally {
    db.close(true);
  }
}

function expectAllArrived(server: OtlpServer): void {
  const arrived = new Set(server.accepted);
  for (let run = 0; run < RUNS; run++) {
    expect(arrived.has(`invoke_agent run-${run}`)).toBe(true);
    expect(arrived.has(`step of run-${run}`)).toBe(true);
  }
}

test("a collector that is down, killed, throttling and refusing in turn gets every span at least once", async () => {
  const dbPath = join(tempDir(), "telemetry.db");
  await writeRuns(dbPath, RUNS);
  let server = startOtlpServer();
  const { url, accepted } = server;
  const port = Number(new URL(url).port);
  await server.close(); // Down from the start: only its port is known.

  const partial = { partialSuccess: { rejectedSpans: "2", errorMessage: "two were too old" } };
  const moods: ReturnType<Behaviour>[] = [
    { status: 429, headers: { "Retry-After": "7" } },
    { status: 503 },
    { status: 400, body: "I do not like this batch" },
    { status: 200, body: partial },
    "reset",
    OK,
    { status: 502 },
    { status: 504, headers: { "Retry-After": "2" } },
    { status: 413, body: "too large" },
  ];
  let nowMs = NOW_MS;
  let attemptsWhileDown = 0;
  const sleptMs: number[] = [];
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
      sleptMs.push(ms);
      attemptsWhileDown += 1;
      // It comes up for the first time, and again after it was killed.
      if (attemptsWhileDown < 5 || server.isUp()) return;
      const before = server.accepted;
      server = startOtlpServer(port);
      server.accepted.push(...before);
      server.behave(() => moods.shift() ?? OK);
    },
  };
  const destination = new HttpDestination("http/json", { endpoint: url });
  const outbox = new Outbox({ path: dbPath, url: destination.url, busyTimeoutMs: 100 });
  const forwarder = new Forwarder({
    outbox,
    destination,
    holder: "1:test",
    isAlive: () => true,
    clock,
    onProgress: () => undefined,
  });
  try {
    const signal = new AbortController().signal;
    const patienceMs = Number.POSITIVE_INFINITY;
    expect(await forwarder.run({ follow: false, patienceMs, signal })).toBe("done");
    expect(accepted).toEqual([]);
    expectAllArrived(server);
    expect(moods).toEqual([]);
    expect(sleptMs).toContain(7000);
    expect(sleptMs).toContain(2000);
    expect(outboxState(dbPath)).toEqual({ last: 2 * RUNS, cursor: 2 * RUNS, refused: 2 });
  } finally {
    destination.close();
    outbox.close();
    await server.close();
  }
});

test("a forwarder that is killed in the middle goes on where it was", async () => {
  const dbPath = join(tempDir(), "telemetry.db");
  await writeRuns(dbPath, RUNS);
  const server = startOtlpServer();
  const main = join(import.meta.dir, "../../../src/cli/main.ts");
  const args = ["--db", dbPath, "forward", "--protocol", "http/json", "--endpoint", server.url];
  const spawn = () =>
    Bun.spawn([process.execPath, main, ...args], { stdout: "pipe", stderr: "ignore" });
  try {
    const killed = Promise.withResolvers<void>();
    const first = spawn();
    server.behave(() => {
      if (server.requests.length < 3) return OK;
      first.kill("SIGKILL"); // While it waits for the answer to its third request.
      killed.resolve();
      return "hang";
    });
    await killed.promise;
    await first.exited;
    const { cursor, last } = outboxState(dbPath);
    expect(cursor).toBe(server.accepted.length);
    expect(cursor).toBeLessThan(last);

    server.behave(() => OK);
    const second = spawn();
    expect(await new Response(second.stdout).text()).toBe(
      `Sent ${(last - cursor).toLocaleString("en-US")} spans to ${server.url}/v1/traces.\n`,
    );
    expect(await second.exited).toBe(0);
    expectAllArrived(server);
    expect(server.accepted).toHaveLength(2 * RUNS);
    expect(outboxState(dbPath)).toEqual({ last, cursor: last, refused: 0 });
  } finally {
    await server.close();
  }
});

test("a forwarder that is killed as an answer arrives confirms all of a request or nothing", async () => {
  const dbPath = join(tempDir(), "telemetry.db");
  await writeRuns(dbPath, RUNS);
  const server = startOtlpServer();
  const main = join(import.meta.dir, "../../../src/cli/main.ts");
  const args = ["--db", dbPath, "forward", "--protocol", "http/json", "--endpoint", server.url];
  try {
    for (let kill = 0; kill < 4; kill++) {
      const child = Bun.spawn([process.execPath, main, ...args], {
        stdout: "ignore",
        stderr: "ignore",
      });
      server.behave(() => {
        setTimeout(() => child.kill("SIGKILL"), Math.random() * 5); // About when the cursor moves.
        return OK;
      });
      await child.exited;
      const db = new Database(dbPath, { readonly: true });
      const confirmed = db
        .query("SELECT name FROM spans WHERE id <= (SELECT cursor FROM forward_destinations)")
        .values();
      const counted = db.query("SELECT accepted FROM forward_destinations").values();
      db.close(true);
      expect(counted).toEqual([[confirmed.length]]);
      const arrived = new Set<unknown>(server.accepted);
      expect(confirmed.flat().filter((name) => !arrived.has(name))).toEqual([]);
    }
    server.behave(() => OK);
    expect(await Bun.spawn([process.execPath, main, ...args], { stderr: "ignore" }).exited).toBe(0);
    expectAllArrived(server);
    expect(outboxState(dbPath)).toEqual({ last: 2 * RUNS, cursor: 2 * RUNS, refused: 0 });
  } finally {
    await server.close();
  }
});
