/**
 * The Worker that owns the connection: it inserts, settles, checkpoints and purges, so that neither a
 * lock nor a disk's fsync is ever waited for on the host's thread. It ends when it is asked to, with
 * the file closed; ending it from outside while the file is open can take the host down.
 */
import { pricedBy } from "./prices/priced-by.ts";
import { SpanRowReader } from "./span-row.ts";
import type { StoreReply, StoreRequest } from "./store-link.ts";
import { answer, StoreSession } from "./store-session.ts";
import { IS_ABANDONED, REPLY_COUNT, type WorkerStart } from "./worker-link.ts";

declare const self: Worker;

/** Between two pieces of upkeep, so that a batch never waits for more than one of them. */
const UPKEEP_PAUSE_MS = 5;

function serve({ options, port, shared }: WorkerStart): void {
  const reply = (message: StoreReply): void => {
    port.postMessage(message);
    Atomics.add(shared, REPLY_COUNT, 1);
    Atomics.notify(shared, REPLY_COUNT);
  };
  const note = (message: string): void => reply({ type: "note", message });
  const session = new StoreSession(
    options,
    new SpanRowReader(pricedBy(options.prices)),
    note,
    Date.now,
  );
  const end = (): void => {
    session.close();
    port.close();
    process.exit(0);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueMs = Number.POSITIVE_INFINITY;
  const planUpkeep = (delayMs: number): void => {
    const nextMs = performance.now() + delayMs;
    if (nextMs >= dueMs) return;
    dueMs = nextMs;
    clearTimeout(timer);
    timer = setTimeout(upkeep, delayMs);
  };
  const upkeep = (): void => {
    dueMs = Number.POSITIVE_INFINITY;
    if (Atomics.load(shared, IS_ABANDONED) !== 0) end();
    planUpkeep(Math.max(session.upkeep(), UPKEEP_PAUSE_MS));
  };
  port.on("message", (request: StoreRequest) => {
    if (Atomics.load(shared, IS_ABANDONED) !== 0) end();
    const message = answer(session, request);
    if (message) reply(message);
    if (request.type === "close") end();
    planUpkeep(UPKEEP_PAUSE_MS);
  });
}

self.onmessage = ({ data }: MessageEvent<WorkerStart>): void => serve(data);
