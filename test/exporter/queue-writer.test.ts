import { describe, expect, test } from "bun:test";
import { type BatchObserver, QueueWriter } from "../../src/exporter/queue-writer.ts";
import { StateLog } from "../../src/exporter/state-log.ts";
import type { LinkReply, StoreLink, StoreRequest } from "../../src/exporter/store-link.ts";
import type { Timers } from "../../src/exporter/timers.ts";
import { spanRecords } from "../support/writers.ts";

/** Time that a test moves by hand. */
class HandTimers implements Timers {
  #nowMs = 0;
  readonly #planned: { atMs: number; run: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const planned = { atMs: this.#nowMs + delayMs, run };
    this.#planned.push(planned);
    return () => {
      const index = this.#planned.indexOf(planned);
      if (index >= 0) this.#planned.splice(index, 1);
    };
  }

  sleep(delayMs: number): void {
    this.advance(delayMs);
  }

  advance(delayMs: number): void {
    const endMs = this.#nowMs + delayMs;
    for (;;) {
      this.#planned.sort((a, b) => a.atMs - b.atMs);
      const next = this.#planned[0];
      if (!next || next.atMs > endMs) break;
      this.#planned.shift();
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = endMs;
  }
}

/** A link that does nothing by itself: a test gives its replies. */
class HandLink implements StoreLink {
  readonly sent: StoreRequest[] = [];
  isAbandoned = false;
  reply: (reply: LinkReply) => void;

  constructor(onReply: (reply: LinkReply) => void) {
    this.reply = onReply;
  }

  send(request: StoreRequest): void {
    this.sent.push(request);
  }

  waitForReply(): boolean {
    return false;
  }

  abandon(): void {
    this.isAbandoned = true;
  }

  /** The ids of the batches it was sent. */
  get ids(): number[] {
    return this.sent.flatMap((request) => (request.type === "write" ? [request.id] : []));
  }
}

function setUp(bounds = { maxSpans: 100, maxBytes: 1e6 }) {
  const timers = new HandTimers();
  const links: HandLink[] = [];
  const threadLinks: HandLink[] = [];
  const lines: string[] = [];
  const finished: [number, string | null][] = [];
  const observer: BatchObserver = {
    accepted: () => {},
    finished: (spans, _durationMs, reason) => finished.push([spans, reason]),
  };
  const line = (text: string): void => void lines.push(text);
  const open = (list: HandLink[]) => (onReply: (reply: LinkReply) => void) => {
    const link = new HandLink(onReply);
    list.push(link);
    return link;
  };
  const writer = new QueueWriter({
    bounds,
    openLink: open(links),
    openThreadLink: open(threadLinks),
    log: new StateLog({ warn: line, error: line }, () => timers.now()),
    timers,
    silenceMs: 1000,
    observer,
    random: () => 0.5,
  });
  const link = (): HandLink => {
    const last = links.at(-1);
    if (!last) throw new Error("no link");
    return last;
  };
  return { writer, timers, links, threadLinks, link, lines, finished };
}

describe("a batch", () => {
  test("is held until the link says that it is written", () => {
    const { writer, link, finished } = setUp();
    writer.accept(spanRecords(10));
    expect(writer.health()).toMatchObject({ ended: 10, committed: 0, queued: 10 });
    link().reply({ type: "written", id: 1, committed: 9, poison: 1 });
    expect(writer.health()).toMatchObject({ committed: 9, queued: 0, dropped: { poison: 1 } });
    expect(finished).toEqual([[10, null]]);
  });

  test("of many spans is sent as several of 512 at most", () => {
    const { writer, link } = setUp({ maxSpans: 10_000, maxBytes: 1e8 });
    writer.accept(spanRecords(1100));
    expect(link().ids).toEqual([1, 2, 3]);
  });

  test("is sent again after a failure, later each time, and alone", () => {
    const { writer, timers, link, lines } = setUp();
    for (let i = 0; i < 3; i += 1) writer.accept(spanRecords(10));
    expect(link().ids).toEqual([1, 2, 3]);
    for (const id of [1, 2, 3])
      link().reply({ type: "failed", id, kind: "full", message: "Full." });
    timers.advance(99);
    expect(link().ids).toHaveLength(3);
    timers.advance(1);
    expect(link().ids).toEqual([1, 2, 3, 1]);
    link().reply({ type: "failed", id: 1, kind: "full", message: "Full." });
    timers.advance(199);
    expect(link().ids).toHaveLength(4);
    timers.advance(1);
    link().reply({ type: "written", id: 1, committed: 10, poison: 0 });
    expect(link().ids).toEqual([1, 2, 3, 1, 1, 2, 3]);
    expect(lines).toEqual(["Full. 30 spans are held and tried again.", "Spans are written again."]);
  });

  test("that is poison as a whole is given up, and the next one goes on", () => {
    const { writer, link } = setUp();
    writer.accept(spanRecords(10));
    link().reply({ type: "failed", id: 1, kind: "poison", message: "?" });
    expect(writer.health()).toMatchObject({ queued: 0, dropped: { poison: 10 }, state: "ok" });
  });
});

describe("what the bounds cannot hold", () => {
  test("is dropped from the oldest on, counted by why the file does not take it", () => {
    const { writer, link } = setUp();
    link().reply({ type: "failed", id: 0, kind: "cannot_open", message: "No file." });
    for (let i = 0; i < 15; i += 1) writer.accept(spanRecords(10, i * 10));
    const { queued, dropped } = writer.health();
    expect([queued, dropped]).toEqual([100, { cannot_open: 50 }]);
  });

  test("is measured in bytes too", () => {
    const { writer, link } = setUp({ maxSpans: 1e6, maxBytes: 4000 });
    link().reply({ type: "failed", id: 0, kind: "full", message: "Full." });
    for (let i = 0; i < 100; i += 1) writer.accept(spanRecords(1, i));
    const { queued, dropped } = writer.health();
    expect(queued).toBeLessThan(40);
    expect(queued + (dropped["full"] ?? 0)).toBe(100);
  });

  test("is told to the file as totals, once it can be written again", () => {
    const { writer, link } = setUp();
    writer.lose("queue_full", 7);
    writer.lose("queue_full", 1);
    writer.accept(spanRecords(1));
    link().reply({ type: "written", id: 1, committed: 1, poison: 0 });
    const drops = link().sent.filter(({ type }) => type === "drops");
    expect(drops).toEqual([{ type: "drops", totals: { queue_full: 8 } }]);
  });

  const told = { type: "drops" as const, totals: { queue_full: 7 } };
  test("is told again where the file did not take it", () => {
    const { writer, timers, link } = setUp();
    writer.lose("queue_full", 7);
    writer.accept(spanRecords(1));
    link().reply({ type: "written", id: 1, committed: 1, poison: 0 });
    link().reply({ type: "failed", id: 0, kind: "busy", message: "Locked." });
    writer.accept(spanRecords(1, 1));
    timers.advance(1000);
    link().reply({ type: "written", id: 2, committed: 1, poison: 0 });
    expect(link().sent.filter(({ type }) => type === "drops")).toEqual([told, told]);
  });

  test("is told again where the link went down, which never says whether the file took it", () => {
    const { writer, timers, link } = setUp();
    writer.lose("queue_full", 7);
    writer.accept(spanRecords(1));
    link().reply({ type: "written", id: 1, committed: 1, poison: 0 });
    link().reply({ type: "down", message: "it crashed" });
    timers.advance(1000);
    link().reply({ type: "opened" });
    writer.accept(spanRecords(1, 1));
    link().reply({ type: "written", id: 2, committed: 1, poison: 0 });
    expect(link().sent.filter(({ type }) => type === "drops")).toEqual([told]);
  });
});

describe("a link", () => {
  test("that goes down is opened again, and gets what it had not confirmed", () => {
    const { writer, timers, links, link } = setUp();
    link().reply({ type: "opened" });
    writer.accept(spanRecords(10));
    link().reply({ type: "down", message: "it crashed" });
    expect(writer.health()).toMatchObject({ queued: 10, state: "degraded" });
    timers.advance(100);
    expect(links).toHaveLength(2);
    link().reply({ type: "opened" });
    expect(link().ids).toEqual([1]);
    expect(writer.health()).toMatchObject({ state: "ok" });
  });

  test("that says something after it was replaced is not listened to", () => {
    const { writer, timers, links, link } = setUp();
    writer.accept(spanRecords(10));
    timers.advance(2000);
    expect(links[0]?.isAbandoned).toBe(true);
    timers.advance(100);
    links[0]?.reply({ type: "written", id: 1, committed: 10, poison: 0 });
    expect(writer.health()).toMatchObject({ committed: 0, queued: 10 });
    link().reply({ type: "written", id: 1, committed: 10, poison: 0 });
    expect(writer.health()).toMatchObject({ committed: 10, queued: 0 });
  });

  test("that cannot start three times is replaced by the one in this thread", () => {
    const { timers, links, threadLinks, link, lines } = setUp();
    for (let i = 0; i < 3; i += 1) {
      link().reply({ type: "down", message: "no such file" });
      timers.advance(1000);
    }
    expect([links.length, threadLinks.length]).toEqual([3, 1]);
    expect(lines).toContain(
      "The Worker that writes spans cannot start (no such file); they are written in the host's thread.",
    );
  });

  test("that goes down over the same batch three times gets the next one", () => {
    const { writer, timers, link } = setUp();
    writer.accept(spanRecords(10));
    writer.accept(spanRecords(5));
    for (let i = 0; i < 3; i += 1) {
      link().reply({ type: "opened" });
      link().reply({ type: "down", message: "it crashed" });
      timers.advance(1000);
    }
    link().reply({ type: "opened" });
    expect(link().ids).toEqual([2]);
    expect(writer.health()).toMatchObject({ queued: 5, dropped: { link_down: 10 } });
  });
});

describe("flush", () => {
  test("resolves once what was accepted before it is written", async () => {
    const { writer, link } = setUp();
    writer.accept(spanRecords(10));
    const flushed = writer.flush(1000);
    writer.accept(spanRecords(10));
    link().reply({ type: "written", id: 1, committed: 10, poison: 0 });
    await flushed;
    expect(writer.health()).toMatchObject({ committed: 10, queued: 10 });
  });

  test("resolves at its deadline, and at once where the file will not take it", async () => {
    const { writer, timers, link } = setUp();
    writer.accept(spanRecords(10));
    const late = writer.flush(500);
    timers.advance(500);
    await late;
    const refused = writer.flush(500);
    link().reply({ type: "failed", id: 1, kind: "readonly", message: "Read-only." });
    await refused;
    expect(writer.health()).toMatchObject({ queued: 10, state: "degraded" });
  });
});

describe("close", () => {
  test("counts what is not written, says so, and takes no more", async () => {
    const { writer, timers, link, lines } = setUp();
    writer.accept(spanRecords(10));
    const closed = writer.close(500);
    link().reply({ type: "failed", id: 1, kind: "full", message: "Full." });
    await null;
    await null;
    link().reply({ type: "closed" });
    timers.advance(500);
    await closed;
    writer.accept(spanRecords(3));
    expect(writer.health()).toMatchObject({
      ended: 13,
      committed: 0,
      queued: 0,
      dropped: { full: 10, closed: 3 },
      state: "closed",
    });
    expect(lines.at(-1)).toBe("10 spans were not written and are lost (full).");
    expect(link().sent.slice(-2)).toEqual([
      { type: "drops", totals: { full: 10 } },
      { type: "close" },
    ]);
  });

  test("ends although the link never answers", async () => {
    const { writer, timers, link } = setUp();
    const closed = writer.close(500);
    await null;
    await null;
    timers.advance(1000);
    await closed;
    expect(link().isAbandoned).toBe(true);
  });
});
