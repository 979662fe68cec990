import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { Answer, Destination } from "../../../src/exporter/forward/destination.ts";
import { Forwarder, type RunEnd } from "../../../src/exporter/forward/forwarder.ts";
import { Outbox } from "../../../src/store/outbox.ts";
import { Store } from "../../../src/store/store.ts";
import { purgeAll } from "../../support/purge-all.ts";
import { NOW_MS, spanRow } from "../../support/span-rows.ts";
import { useTempDir } from "../../support/temp-dir.ts";

const tempDir = useTempDir();
const open: { close(): void }[] = [];
afterEach(() => {
  for (const item of open.splice(0).reverse()) item.close();
});

const ACCEPTED: Answer = { kind: "accepted", rejectedSpans: 0, reason: "" };
const LATER: Answer = { kind: "later", afterMs: null, reason: "HTTP 503" };
const REFUSED: Answer = { kind: "refused", blamesSpans: true, reason: "HTTP 400 bad" };
const FAILED: Answer = { kind: "refused", blamesSpans: false, reason: "HTTP 500" };

/** Answers as told and keeps the names of the spans that it took. */
class FakeDestination implements Destination {
  readonly url = "http://127.0.0.1:1/v1/traces";
  readonly taken: string[] = [];
  requests = 0;
  answer: (names: string[]) => Answer = () => ACCEPTED;

  async send(spans: ReadableSpan[]): Promise<Answer> {
    this.requests += 1;
    const names = spans.map(({ name }) => name);
    const answer = this.answer(names);
    if (answer.kind === "accepted") this.taken.push(...names);
    return answer;
  }

  close(): void {}
}

interface Setup {
  path: string;
  store: Store;
  outbox: Outbox;
  destination: FakeDestination;
  forwarder: Forwarder;
  nowMs(): number;
  /** Time goes by. */
  pass(ms: number): void;
  /** Called after each sleep. */
  onSleep: () => void;
  /** One run that does not follow. */
  run(patienceMs?: number): Promise<RunEnd>;
  /** Writes spans named by these numbers, a trace each. */
  write(from: number, to: number): void;
}

function setup(holder = "1:test", path = join(tempDir(), "telemetry.db")): Setup {
  const store = new Store({ path, writer: "test", busyTimeoutMs: 100 });
  const destination = new FakeDestination();
  const { url } = destination;
  const outbox = new Outbox({ path, url, busyTimeoutMs: 100 });
  open.push(store, outbox);
  let nowMs = NOW_MS;
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
      made.onSleep();
    },
  };
  const isAlive = () => true;
  const onProgress = () => undefined;
  const forwarder = new Forwarder({ outbox, destination, holder, isAlive, clock, onProgress });
  const made: Setup = {
    path,
    store,
    outbox,
    destination,
    forwarder,
    nowMs: () => nowMs,
    pass: (ms) => {
      nowMs += ms;
    },
    onSleep: () => undefined,
    run: (patienceMs = 60_000) =>
      forwarder.run({ follow: false, patienceMs, signal: new AbortController().signal }),
    write: (from, to) => {
      const rows = [];
      for (let n = from; n <= to; n++) rows.push(spanRow({ trace: n, span: n, name: `span ${n}` }));
      store.write(rows, NOW_MS);
    },
  };
  return made;
}

const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `span ${from + index}`);

describe("the cursor", () => {
  test("moves over what was sent, so that a second run sends only what is new", async () => {
    const { run, write, destination, outbox } = setup();
    write(1, 1300);
    expect(await run()).toBe("done");
    write(1301, 1302);
    expect(await run()).toBe("done");
    expect(destination.taken).toEqual(names(1, 1302));
    expect(outbox.position().cursor).toBe(1302);
  });

  test("stands where it was when nothing got through", async () => {
    const { run, write, destination, outbox, forwarder } = setup();
    write(1, 3);
    destination.answer = () => LATER;
    expect(await run()).toBe("gave_up");
    expect(outbox.position().cursor).toBe(0);
    expect(forwarder.progress).toEqual({ accepted: 0, refused: 0, trouble: "HTTP 503" });
  });

  test("does not skip spans that are given the numbers of purged ones", async () => {
    const { run, write, destination, store } = setup();
    write(1, 5);
    await run();
    purgeAll(store);
    write(6, 8);
    await run();
    expect(destination.taken).toEqual(names(1, 8));
  });

  test("does not confirm numbers that were given out again while they were being sent", async () => {
    const { run, write, destination, store } = setup();
    write(1, 5);
    destination.answer = () => {
      if (destination.requests === 1) {
        purgeAll(store);
        write(6, 10);
      }
      return ACCEPTED;
    };
    await run();
    expect(destination.taken).toEqual(names(1, 10));
  });

  test("can be set to a time, before or after where it stands", async () => {
    const { outbox, store, run, destination } = setup();
    for (let day = 1; day <= 3; day++) {
      const endMs = NOW_MS + day * 86_400_000;
      store.write([spanRow({ trace: day, span: day, name: `span ${day}`, endMs })], endMs);
    }
    outbox.startAt(NOW_MS + 2 * 86_400_000);
    await run();
    expect(destination.taken).toEqual(names(2, 3));
    outbox.startAt(0);
    await run();
    expect(destination.taken).toEqual([...names(2, 3), ...names(1, 3)]);
    outbox.startAt(NOW_MS * 2);
    expect(outbox.pending(outbox.position().cursor)).toBe(0);
  });

  test("is another one for another destination", async () => {
    const { path, run, write } = setup();
    write(1, 2);
    await run();
    const other = new Outbox({ path, url: "http://b", busyTimeoutMs: 100 });
    open.push(other);
    expect(other.position().cursor).toBe(0);
  });
});

describe("an answer that means later", () => {
  test("is waited for as long as the destination asks, however long that is", async () => {
    const { run, write, destination, nowMs } = setup();
    write(1, 2);
    destination.answer = () =>
      destination.requests === 1
        ? { kind: "later", afterMs: 120_000, reason: "HTTP 429" }
        : ACCEPTED;
    expect(await run(Number.POSITIVE_INFINITY)).toBe("done");
    expect(nowMs()).toBe(NOW_MS + 120_000);
    expect(destination.taken).toEqual(names(1, 2));
  });

  test("is not asked again before its time by a host that shuts down", async () => {
    const { run, write, destination, forwarder, nowMs, pass } = setup();
    write(1, 2);
    destination.answer = () => ({ kind: "later", afterMs: 120_000, reason: "HTTP 429" });
    expect(await run(0)).toBe("gave_up");
    pass(60_000);
    expect(await run(0)).toBe("gave_up");
    expect(destination.requests).toBe(1);
    expect(forwarder.progress.trouble).toBe("HTTP 429");
    pass(60_000);
    destination.answer = () => ACCEPTED;
    expect(await run(0)).toBe("done");
    expect(nowMs()).toBe(NOW_MS + 120_000);
  });

  test("is waited for longer and longer, up to about a minute, where it asks for nothing", async () => {
    const { run, write, destination, nowMs } = setup();
    write(1, 2);
    const askedAtMs: number[] = [];
    destination.answer = () => {
      askedAtMs.push(nowMs());
      return destination.requests < 12 ? LATER : ACCEPTED;
    };
    expect(await run(Number.POSITIVE_INFINITY)).toBe("done");
    const waitsMs = askedAtMs.slice(1).map((ms, index) => ms - (askedAtMs[index] ?? 0));
    expect(waitsMs).toHaveLength(11);
    for (const [index, ms] of waitsMs.entries()) {
      const meantMs = Math.min(1000 * 2 ** index, 60_000);
      expect(ms).toBeWithin(meantMs * 0.8, meantMs * 1.2 + 1);
    }
  });
});

describe("a refusal", () => {
  test("costs the spans at fault alone, and names them", async () => {
    const { run, write, destination, outbox, forwarder, path } = setup();
    write(1, 600);
    const isBad = (name: string) => name === "span 1" || name === "span 300" || name === "span 600";
    destination.answer = (sent) => (sent.some(isBad) ? REFUSED : ACCEPTED);
    expect(await run()).toBe("done");
    expect(new Set(destination.taken)).toEqual(new Set(names(1, 600).filter((n) => !isBad(n))));
    expect(outbox.position().cursor).toBe(600);
    expect(forwarder.progress).toMatchObject({ accepted: 597, refused: 3, trouble: null });
    const db = new (await import("bun:sqlite")).Database(path, { readonly: true });
    const refusals = db.query("SELECT trace_id, spans, reason FROM forward_refusals").all();
    db.close(true);
    expect(refusals).toEqual(
      [1, 300, 600].map((n) => ({
        trace_id: spanRow({ trace: n }).traceId,
        spans: 1,
        reason: "HTTP 400 bad",
      })),
    );
  });

  test("that was a whim costs nothing", async () => {
    const { run, write, destination, forwarder } = setup();
    write(1, 100);
    destination.answer = () => (destination.requests <= 9 ? REFUSED : ACCEPTED);
    expect(await run(Number.POSITIVE_INFINITY)).toBe("done");
    expect(new Set(destination.taken)).toEqual(new Set(names(1, 100)));
    expect(forwarder.progress.refused).toBe(0);
  });

  test("of everything is the destination's fault, not the spans': nothing is passed over", async () => {
    const { run, write, destination, outbox } = setup();
    write(1, 600);
    destination.answer = () => REFUSED;
    expect(await run(0)).toBe("gave_up");
    expect(outbox.position().cursor).toBe(0);
    expect(destination.requests).toBeLessThan(20);
  });

  test("of the only span there is, by a destination that takes an empty request, is its fault", async () => {
    const { run, write, destination, forwarder } = setup();
    write(1, 1);
    destination.answer = (sent) => (sent.length > 0 ? REFUSED : ACCEPTED);
    expect(await run()).toBe("done");
    expect(forwarder.progress.refused).toBe(1);
  });

  test("of all spans by a destination that blames itself is waited for, though it takes an empty request", async () => {
    const { run, write, destination, outbox, forwarder } = setup();
    write(1, 600);
    destination.answer = (sent) => (sent.length > 0 ? FAILED : ACCEPTED);
    expect(await run(0)).toBe("gave_up");
    expect(outbox.position().cursor).toBe(0);
    expect(forwarder.progress).toEqual({ accepted: 0, refused: 0, trouble: "HTTP 500" });
  });

  test("of some spans by a destination that blames itself costs them alone, once it takes others", async () => {
    const { run, write, destination, outbox } = setup();
    write(1, 600);
    const bad = new Set([1, 2, 3, 300, 599].map((n) => `span ${n}`));
    destination.answer = (sent) => (sent.some((name) => bad.has(name)) ? FAILED : ACCEPTED);
    expect(await run()).toBe("done");
    expect(new Set(destination.taken)).toEqual(new Set(names(1, 600).filter((n) => !bad.has(n))));
    expect(outbox.position().cursor).toBe(600);
  });

  test("of a part is counted and not sent again", async () => {
    const { run, write, destination, forwarder, outbox } = setup();
    write(1, 10);
    destination.answer = () => ({ kind: "accepted", rejectedSpans: 3, reason: "too old" });
    expect(await run()).toBe("done");
    expect(destination.requests).toBe(1);
    expect(forwarder.progress).toMatchObject({ accepted: 7, refused: 3 });
    expect(outbox.position().cursor).toBe(10);
  });
});

test("a destination that left out more than it was sent left out what it was sent", async () => {
  const { run, write, destination, forwarder, outbox } = setup();
  write(1, 10);
  destination.answer = () => ({ kind: "accepted", rejectedSpans: 1e12, reason: "all of it" });
  expect(await run()).toBe("done");
  expect(forwarder.progress).toEqual({ accepted: 0, refused: 10, trouble: null });
  expect(outbox.position().cursor).toBe(10);
});

describe("two processes on one file", () => {
  test("do not send the same twice: one holds the destination", async () => {
    const first = setup("1:first");
    first.write(1, 2);
    const second = setup("2:second", first.path);
    first.destination.answer = () => LATER;
    const running = new AbortController();
    const run = first.forwarder.run({ follow: true, patienceMs: 1, signal: running.signal });
    expect(await second.run()).toBe("held");
    running.abort();
    await run;
    expect(await second.run()).toBe("done");
    expect(second.destination.taken).toEqual(names(1, 2));
  });

  test("leave a destination alone for as long as it asks, although one alone has heard it ask", async () => {
    const first = setup("1:first");
    first.write(1, 2);
    const second = setup("2:second", first.path);
    const holds = (nowMs: number): boolean =>
      second.outbox.hold("2:second", nowMs, nowMs + 60_000, () => true);
    let asked = 0;
    first.destination.answer = () => {
      asked += 1;
      return asked === 1 ? { kind: "later", afterMs: 1_800_000, reason: "HTTP 429" } : ACCEPTED;
    };
    const heldAtMs: number[] = [];
    first.onSleep = () => {
      if (holds(first.nowMs())) heldAtMs.push(first.nowMs() - NOW_MS);
    };
    expect(await first.run(Number.POSITIVE_INFINITY)).toBe("done");
    expect(heldAtMs).toEqual([]);
    expect(first.nowMs()).toBe(NOW_MS + 1_800_000);
  });

  test("do not take turns while one is slow to find the spans at fault", async () => {
    const first = setup("1:first");
    first.write(1, 64);
    const second = setup("2:second", first.path);
    const taken: string[] = [];
    first.destination.answer = (sent) => {
      first.pass(9000); // Just within the timeout.
      const nowMs = first.nowMs();
      if (second.outbox.hold("2:second", nowMs, nowMs + 60_000, () => true)) taken.push("second");
      return sent.length > 0 ? REFUSED : ACCEPTED;
    };
    expect(await first.run(Number.POSITIVE_INFINITY)).toBe("done");
    expect(taken).toEqual([]);
    expect(first.forwarder.progress.refused).toBe(64);
  });

  test("a dead process holds nothing", async () => {
    const { path, outbox, write } = setup();
    write(1, 1);
    const other = new Outbox({
      path,
      url: "http://127.0.0.1:1/v1/traces",
      busyTimeoutMs: 100,
    });
    open.push(other);
    expect(other.hold("99:dead", NOW_MS, NOW_MS + 60_000, () => true)).toBe(true);
    expect(outbox.hold("1:alive", NOW_MS, NOW_MS + 60_000, () => true)).toBe(false);
    expect(outbox.hold("1:alive", NOW_MS, NOW_MS + 60_000, () => false)).toBe(true);
  });
});
