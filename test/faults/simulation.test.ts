/**
 * Random schedules of faults over an injected clock and link: nothing of the machine's time or disk is
 * in here, and a run is repeated exactly by its seed (FAULT_SEED=…; FAULT_SCHEDULES=… for more of them).
 */
import { expect, test } from "bun:test";
import { QueueWriter } from "../../src/exporter/queue-writer.ts";
import { decodeBatch } from "../../src/exporter/span-batch.ts";
import { StateLog } from "../../src/exporter/state-log.ts";
import type {
  LinkReply,
  OpenLink,
  StoreLink,
  StoreRequest,
} from "../../src/exporter/store-link.ts";
import type { Timers } from "../../src/exporter/timers.ts";
import { spanRecordOf } from "../support/writers.ts";
import { total } from "./child.ts";

const SEED = Number(process.env["FAULT_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const SCHEDULES = Number(process.env["FAULT_SCHEDULES"] ?? 300);
const STEPS = 200;

type Random = () => number;

/** Mulberry32. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Planned {
  atMs: number;
  order: number;
  run: () => void;
}

/** Everything that happens later, in the order of its time. */
class World implements Timers {
  readonly #planned = new Set<Planned>();
  #nowMs = 0;
  #order = 0;

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const planned = { atMs: this.#nowMs + delayMs, order: this.#order, run };
    this.#planned.add(planned);
    return () => void this.#planned.delete(planned);
  }

  sleep(delayMs: number): void {
    this.#nowMs += delayMs;
  }

  /** Runs the next event; false where nothing is planned until `endMs`. */
  step(endMs = Number.POSITIVE_INFINITY): boolean {
    let next: Planned | undefined;
    for (const p of this.#planned) {
      const isEarlier =
        !next || p.atMs < next.atMs || (p.atMs === next.atMs && p.order < next.order);
      if (isEarlier) next = p;
    }
    if (!next || next.atMs > endMs) {
      if (Number.isFinite(endMs)) this.#nowMs = Math.max(this.#nowMs, endMs);
      return false;
    }
    this.#planned.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.run();
    return true;
  }

  runUntil(endMs: number): void {
    while (this.step(endMs));
  }
}

const FAILURES = ["busy", "full", "io", "readonly", "foreign"] as const;
type Failure = (typeof FAILURES)[number];

/** What is wrong with the file, or with the Worker, just now. */
type Weather = "fair" | Failure | "crash" | "hang" | "lost_ack" | "no_start";

function isFailure(weather: Weather): weather is Failure {
  return (FAILURES as readonly string[]).includes(weather);
}

const WEATHERS: readonly Weather[] = [
  ...(["fair", "fair", "fair"] as const),
  ...FAILURES,
  ...(["crash", "hang", "lost_ack", "no_start"] as const),
];

/** The file: what it has, it has once. Poison it never takes. */
class FakeStore {
  readonly spans = new Set<number>();
  weather: Weather = "fair";

  write(batch: string): { committed: number; poison: number } {
    let poison = 0;
    const records = decodeBatch(batch);
    for (const { shape, startNs: n } of records) {
      if (shape.name === "poison") poison += 1;
      else this.spans.add(n);
    }
    return { committed: records.length - poison, poison };
  }
}

class FakeLink implements StoreLink {
  readonly #world: World;
  readonly #store: FakeStore;
  readonly #random: Random;
  readonly #onReply: (reply: LinkReply) => void;
  readonly #inThread: boolean;
  #isOver = false;
  #replies = 0;

  constructor(
    world: World,
    store: FakeStore,
    random: Random,
    onReply: (reply: LinkReply) => void,
    inThread: boolean,
  ) {
    this.#world = world;
    this.#store = store;
    this.#random = random;
    this.#onReply = onReply;
    this.#inThread = inThread;
    if (store.weather === "no_start" && !inThread) {
      if (random() < 0.3) throw new Error("no thread");
      this.#later(() => this.#down("cannot start"));
    }
  }

  send(request: StoreRequest): void {
    this.#later(() => this.#serve(request));
  }

  waitForReply(timeoutMs: number): boolean {
    const before = this.#replies;
    const endMs = this.#world.now() + timeoutMs;
    while (this.#replies === before && !this.#isOver) if (!this.#world.step(endMs)) return false;
    return this.#replies > before;
  }

  abandon(): void {
    this.#isOver = true;
  }

  #later(run: () => void): void {
    this.#world.after(this.#random() * 20, () => {
      if (!this.#isOver) run();
    });
  }

  #reply(reply: LinkReply): void {
    if (this.#isOver) return;
    this.#replies += 1;
    this.#onReply(reply);
  }

  #down(message: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onReply({ type: "down", message });
  }

  #serve(request: StoreRequest): void {
    if (!this.#inThread && !this.#survives(request)) return;
    const answer = this.#answer(request);
    const isLost = !this.#inThread && this.#store.weather === "lost_ack" && this.#random() < 0.3;
    if (isLost && request.type === "write") this.#down("its answer was lost");
    else if (answer) this.#reply(answer);
  }

  /** What only happens to a Worker. @returns whether it answers the request. */
  #survives(request: StoreRequest): boolean {
    const { weather } = this.#store;
    if (weather === "no_start") return false;
    if (weather === "hang") {
      this.#world.after(1000, () => this.#isOver || this.#serve(request));
      return false;
    }
    if (weather !== "crash" || this.#random() < 0.5) return true;
    // After it wrote the batch, or before.
    if (request.type === "write" && this.#random() < 0.5) this.#store.write(request.batch);
    this.#down("it crashed");
    return false;
  }

  #answer(request: StoreRequest): LinkReply | null {
    const { weather } = this.#store;
    const id = request.type === "write" ? request.id : 0;
    if (request.type === "close") return { type: "closed" };
    if (request.type === "drops") return null;
    if (isFailure(weather)) return { type: "failed", id, kind: weather, message: `${weather}.` };
    if (request.type === "open") return { type: "opened" };
    return { type: "written", id, ...this.#store.write(request.batch) };
  }
}

interface Run {
  writer: QueueWriter;
  world: World;
  store: FakeStore;
  lines: string[];
  /** Numbers of the spans that were handed over and are not poison. */
  sound: Set<number>;
  next: number;
}

function newRun(random: Random): Run {
  const world = new World();
  const store = new FakeStore();
  const lines: string[] = [];
  const line = (text: string): void => void lines.push(text);
  const link =
    (inThread: boolean): OpenLink =>
    (onReply) =>
      new FakeLink(world, store, random, onReply, inThread);
  const writer = new QueueWriter({
    bounds: { maxSpans: 400, maxBytes: 200_000 },
    openLink: link(false),
    openThreadLink: link(true),
    log: new StateLog({ warn: line, error: line }, () => world.now()),
    timers: world,
    silenceMs: 15_000,
    observer: { accepted: () => {}, finished: () => {} },
    random,
  });
  return { writer, world, store, lines, sound: new Set(), next: 0 };
}

function act(run: Run, random: Random): void {
  const { writer, world, store } = run;
  const choice = random();
  if (choice < 0.45) {
    const records = Array.from({ length: Math.floor(random() * 60) }, () => {
      const n = run.next++;
      const isPoison = random() < 0.02;
      if (!isPoison) run.sound.add(n);
      return spanRecordOf(n, { startNs: n, name: isPoison ? "poison" : "work" });
    });
    writer.accept(records);
  } else if (choice < 0.75) {
    world.runUntil(world.now() + random() * (random() < 0.2 ? 60_000 : 300));
  } else if (choice < 0.9) {
    store.weather = WEATHERS[Math.floor(random() * WEATHERS.length)] ?? "fair";
  } else if (choice < 0.95) {
    void writer.flush(random() * 1000);
  } else if (choice < 0.97) {
    writer.flushSync(random() * 500);
  } else {
    writer.lose("unreadable", 1);
  }
}

function expectConserved({ writer, store, sound }: Run): void {
  const health = writer.health();
  expect(total(health)).toBe(health.ended);
  expect(health.queued).toBeGreaterThanOrEqual(0);
  // What was said to be committed is in the file; it may have more, whose answer was lost.
  expect(store.spans.size).toBeGreaterThanOrEqual(health.committed);
  expect(store.spans.size).toBeLessThanOrEqual(sound.size);
}

/** After the last fault all that was not dropped is in the file, and `closeSync` or `close` ends it. */
async function finish(run: Run, random: Random): Promise<void> {
  const { writer, world, store, sound } = run;
  store.weather = "fair";
  const isSync = random() < 0.5;
  // Longer than the longest pause before a restart.
  world.runUntil(world.now() + 60_000);
  if (isSync) {
    writer.closeSync(2000);
  } else {
    const closed = writer.close(5000);
    for (let i = 0; i < 50; i += 1) {
      await null;
      world.runUntil(world.now() + 200);
    }
    await closed;
  }
  expectConserved(run);
  const { dropped, committed } = writer.health();
  const kept =
    sound.size -
    Object.entries(dropped).reduce(
      (n, [reason, spans]) => (reason === "poison" || reason === "unreadable" ? n : n + spans),
      0,
    );
  expect(writer.health().queued).toBe(0);
  expect(store.spans.size).toBeGreaterThanOrEqual(committed);
  expect(store.spans.size).toBeGreaterThanOrEqual(kept);
}

test(`in ${SCHEDULES} random schedules of faults, ended = committed + queued + dropped at every step`, async () => {
  console.log(`FAULT_SEED=${SEED}`);
  for (let schedule = 0; schedule < SCHEDULES; schedule += 1) {
    const random = randomOf(SEED + schedule);
    try {
      const run = newRun(random);
      for (let step = 0; step < STEPS; step += 1) {
        act(run, random);
        expectConserved(run);
      }
      await finish(run, random);
    } catch (error) {
      throw new Error(`Repeat it with FAULT_SEED=${SEED + schedule} FAULT_SCHEDULES=1`, {
        cause: error,
      });
    }
  }
}, 120_000);
