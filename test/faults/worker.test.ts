import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { QueueWriter } from "../../src/exporter/queue-writer.ts";
import { startWorker } from "../../src/exporter/worker-link.ts";
import { costReport, openReader } from "../../src/index.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { newWriter, spanRecords, workerLink } from "../support/writers.ts";
import { killChildren, range, spansIn, startHost } from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

/** Opens the file, writes one batch, and then: not by time, or it may come when there is nothing to do. */
const FAULTY_REQUEST = 3;

/** A Worker that is faulty in its first lives. */
function faulty(lives: number, fault: "crash" | "hang"): () => Worker {
  let started = 0;
  return () => {
    started += 1;
    if (started > lives) return startWorker();
    const url = new URL("./faulty-worker.ts", import.meta.url).href;
    return new Worker(url, { ref: false, argv: [fault, String(FAULTY_REQUEST)] });
  };
}

/** Hands over batch after batch, some while the Worker is down. */
async function feed(writer: QueueWriter, batches: number): Promise<void> {
  for (let i = 0; i < batches; i += 1) {
    writer.accept(spanRecords(50, i * 50));
    await Bun.sleep(10);
  }
  while (writer.health().queued > 0) await writer.flush(500);
}

describe("the Worker", () => {
  test("crashes, twice: it is started again and gets what it had not confirmed", async () => {
    const dbPath = join(tempDir(), "t.db");
    const { writer, lines } = newWriter(dbPath, {
      openLink: workerLink(dbPath, faulty(2, "crash")),
    });
    await feed(writer, 40);
    expect(writer.health()).toMatchObject({
      ended: 2000,
      committed: 2000,
      dropped: {},
      state: "ok",
    });
    await writer.close(5000);
    expect(lines[0]).toContain("went down: error: a Worker's end.");
    expect(lines[1]).toBe("Spans are written again.");
    expect(spansIn(dbPath)).toEqual({ numbers: range(2000), integrity: "ok" });
  });

  test("hangs: another one takes over, and the first closes its file once it wakes", async () => {
    const dbPath = join(tempDir(), "t.db");
    const { writer, lines } = newWriter(dbPath, {
      openLink: workerLink(dbPath, faulty(1, "hang")),
      silenceMs: 100,
    });
    await feed(writer, 40);
    expect(writer.health()).toMatchObject({
      ended: 2000,
      committed: 2000,
      dropped: {},
      state: "ok",
    });
    expect(lines[0]).toContain("does not answer");
    await writer.close(5000);
    expect(spansIn(dbPath)).toEqual({ numbers: range(2000), integrity: "ok" });
  });

  test("cannot start: the host's own thread writes, and the log says so", async () => {
    const dbPath = join(tempDir(), "t.db");
    const start = (): Worker => new Worker(join(tempDir(), "nothing.ts"), { ref: false });
    const { writer, lines } = newWriter(dbPath, { openLink: workerLink(dbPath, start) });
    await feed(writer, 10);
    expect(writer.health()).toMatchObject({ ended: 500, committed: 500, dropped: {}, state: "ok" });
    expect(lines.join("\n")).toContain("they are written in the host's thread");
    await writer.close(5000);
    expect(spansIn(dbPath)).toEqual({ numbers: range(500), integrity: "ok" });
  });

  test("is down for good while the process ends: what is held is written all the same", () => {
    const dbPath = join(tempDir(), "t.db");
    const start = (): Worker => new Worker(join(tempDir(), "nothing.ts"), { ref: false });
    const { writer } = newWriter(dbPath, { openLink: workerLink(dbPath, start) });
    writer.accept(spanRecords(500));
    writer.closeSync(1000);
    expect(writer.health()).toMatchObject({ ended: 500, committed: 500, queued: 0 });
    expect(spansIn(dbPath)).toEqual({ numbers: range(500), integrity: "ok" });
  });
});

test("8 processes write 10,000 spans each into one file: every one is there, once", async () => {
  const dbPath = join(tempDir(), "t.db");
  const hosts = await Promise.all(range(8).map(() => startHost({ dbPath })));
  const healths = await Promise.all(
    hosts.map(async (host, i) => {
      await host.ask({ do: "spans", first: i * 10_000, count: 10_000 });
      // A slow machine may need more than one deadline; what counts is that all arrive.
      while ((await host.health({ do: "flush" })).queued > 0);
      return host.health({ do: "shutdown" });
    }),
  );
  for (const health of healths) {
    expect(health).toMatchObject({ ended: 10_000, committed: 10_000, queued: 0, dropped: {} });
  }
  await Promise.all(hosts.map((host) => host.end()));
  expect(spansIn(dbPath)).toEqual({ numbers: range(80_000), integrity: "ok" });
}, 60_000);

describe("100,000 spans in one synchronous loop", () => {
  test("what the bound cannot hold is counted exactly", async () => {
    const dbPath = join(tempDir(), "t.db");
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 100_000 });
    const { committed, dropped, ...rest } = await host.health({ do: "shutdown" });
    expect(rest).toMatchObject({ ended: 100_000, queued: 0 });
    expect(dropped).toEqual({ queue_full: 100_000 - committed });
    await host.end();
    const { numbers, integrity } = spansIn(dbPath);
    // The newest are kept: a run's own span, with its account, ends last.
    expect(numbers).toEqual(range(committed, 100_000 - committed));
    expect(integrity).toBe("ok");
    const reader = openReader(dbPath);
    expect(costReport(reader).droppedSpans).toEqual(dropped);
    reader.close();
  }, 60_000);

  test("and 10,000 are all stored", async () => {
    const dbPath = join(tempDir(), "t.db");
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 10_000 });
    await host.end();
    expect(spansIn(dbPath)).toEqual({ numbers: range(10_000), integrity: "ok" });
  });
});
