import { expect, test } from "bun:test";
import { join } from "node:path";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";
import type { Answer, Destination } from "../../../src/exporter/forward/destination.ts";
import { Forwarder } from "../../../src/exporter/forward/forwarder.ts";
import { Outbox } from "../../../src/store/outbox.ts";
import { openReader } from "../../../src/store/reader.ts";
import { Store } from "../../../src/store/store.ts";
import { purgeAll } from "../../support/purge-all.ts";
import { NOW_MS, spanRow } from "../../support/span-rows.ts";
import { useTempDir } from "../../support/temp-dir.ts";

const tempDir = useTempDir();
const ACCEPTED: Answer = { kind: "accepted", rejectedSpans: 0, reason: "" };

type Mood = "accept" | "accept, answer lost" | "later" | "refuse";
type Step = { write: number } | { forward: Mood[] } | "purge" | "crash";

/**
 * Takes spans, but for bad ones, in whatever mood it is; in a good one once its moods are over. A mood
 * refuses the same spans once: who refuses them again, and takes others meanwhile, means these spans.
 */
class MoodyDestination implements Destination {
  readonly url = "http://moody";
  readonly taken = new Set<string>();
  readonly #refused = new Set<string>();
  moods: Mood[] = [];
  isBad: (name: string) => boolean = () => false;

  async send(spans: ReadableSpan[]): Promise<Answer> {
    const mood = this.moods.shift() ?? "accept";
    if (mood === "later") return { kind: "later", afterMs: null, reason: "busy" };
    const names = spans.map(({ name }) => name);
    const isRefused = mood === "refuse" && !this.#refused.has(names.join());
    if (isRefused || names.some(this.isBad)) {
      this.#refused.add(names.join());
      return { kind: "refused", blamesSpans: true, reason: "bad" };
    }
    for (const name of names) this.taken.add(name);
    if (mood !== "accept, answer lost") return ACCEPTED;
    return { kind: "later", afterMs: null, reason: "hung up" };
  }

  close(): void {}
}

const mood = fc.constantFrom<Mood>("accept", "accept, answer lost", "later", "refuse");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ write: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ forward: fc.array(mood, { maxLength: 8 }) }),
  fc.constantFrom<Step>("purge", "crash"),
);

/** One life of a store and its forwarder after the other, on one file. */
async function simulate(path: string, steps: readonly Step[], badEvery: number): Promise<void> {
  const destination = new MoodyDestination();
  const isBad = (name: string): boolean => Number(name) % badEvery === 0;
  destination.isBad = isBad;
  const store = new Store({ path, writer: "w", busyTimeoutMs: 100 });
  const open = (): Outbox => new Outbox({ path, url: destination.url, busyTimeoutMs: 100 });
  let outbox = open();
  let nowMs = NOW_MS;
  const forward = async (patienceMs: number): Promise<void> => {
    const forwarder = new Forwarder({
      outbox,
      destination,
      holder: "1:test",
      isAlive: () => true,
      onProgress: () => undefined,
      clock: {
        now: () => nowMs,
        sleep: async (ms) => {
          nowMs += ms;
        },
      },
    });
    await forwarder.run({ follow: false, patienceMs, signal: new AbortController().signal });
  };
  let written = 0;
  const owed = new Set<string>();
  for (const next of steps) {
    if (next === "purge") {
      purgeAll(store);
      owed.clear(); // What retention took before it was sent is not owed any more.
    } else if (next === "crash") {
      outbox.close();
      outbox = open();
    } else if ("write" in next) {
      const rows = Array.from({ length: next.write }, () => {
        written += 1;
        owed.add(String(written));
        return spanRow({ trace: written >> 2, span: written, name: String(written) });
      });
      store.write(rows, NOW_MS);
    } else {
      destination.moods = [...next.forward];
      await forward(2000);
    }
  }
  destination.moods = [];
  await forward(Number.POSITIVE_INFINITY);
  const { cursor } = outbox.position();
  expect(outbox.pending(cursor)).toBe(0);
  using reader = openReader(path);
  expect(cursor).toBe(
    reader.all<{ n: number }>("SELECT coalesce(max(id), 0) AS n FROM span_rows")[0]?.n ?? -1,
  );
  for (const name of owed) expect(destination.taken.has(name)).toBe(!isBad(name));
  outbox.close();
  store.close();
}

test("whatever happens, every span that is still stored arrives, and only bad ones are passed over", async () => {
  const directory = tempDir();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.integer({ min: 2, max: 60 }),
      async (steps, badEvery) => simulate(join(directory, `${run++}.db`), steps, badEvery),
    ),
    { numRuns: Number(process.env["FC_NUM_RUNS"] ?? 40) },
  );
});
