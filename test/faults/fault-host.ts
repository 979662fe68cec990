/**
 * A host that telemetry must not harm: it obeys commands on stdin, one JSON a line, answers each with
 * one JSON line, and measures all the while how long its event loop stood still.
 */
import { createInterface } from "node:readline";
import { startTelemetry } from "../../src/index.ts";
import { waitedMs } from "../support/waited-ms.ts";

export type Command =
  /** Ends `count` spans at once, numbered from `first`. */
  | { do: "spans"; first: number; count: number }
  /** Ends spans every few milliseconds from `first` on, until `stop`, `perTick` at a time. */
  | { do: "stream"; first: number; perTick: number }
  | { do: "stop" }
  | { do: "flush" }
  /** The longest pause of the event loop since the last time it was asked. */
  | { do: "gap" }
  | { do: "health" }
  | { do: "shutdown" }
  | { do: "exit"; code: number }
  | { do: "throw" }
  | { do: "reject" };

const TICK_MS = 5;
const options = JSON.parse(process.argv[2] ?? "{}");
const telemetry = startTelemetry({ ...options, registerGlobals: false });
const { tracer } = telemetry;

let lastTickMs = performance.now();
let gapMs = 0;
let streamed = 0;
let perTick = 0;

function end(n: number): void {
  tracer.startSpan("work", { attributes: { n, text: "some text of a usual length" } }).end();
}

let lastWaitedMs = waitedMs();
setInterval(() => {
  for (let i = 0; i < perTick; i += 1) end(streamed++);
  const nowMs = performance.now();
  const nowWaitedMs = waitedMs();
  gapMs = Math.max(gapMs, nowMs - lastTickMs - TICK_MS - (nowWaitedMs - lastWaitedMs));
  lastTickMs = nowMs;
  lastWaitedMs = nowWaitedMs;
}, TICK_MS).unref();

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case "spans":
      for (let i = 0; i < command.count; i += 1) end(command.first + i);
      return null;
    case "stream":
      streamed = command.first;
      perTick = command.perTick;
      return null;
    case "stop":
      perTick = 0;
      return streamed;
    case "flush":
      await telemetry.flush();
      return telemetry.health();
    case "gap": {
      const longestMs = gapMs;
      gapMs = 0;
      return longestMs;
    }
    case "health":
      return telemetry.health();
    case "shutdown":
      await telemetry.shutdown();
      return telemetry.health();
    case "exit":
      return process.exit(command.code);
    case "throw":
      queueMicrotask(() => {
        throw new Error("a host's own error");
      });
      return null;
    case "reject":
      void Promise.reject(new Error("a host's own rejection"));
      return null;
  }
}

process.on("exit", () => {
  if (options.tellsHealthAtExit) console.log(JSON.stringify({ atExit: telemetry.health() }));
});
console.log(JSON.stringify("ready"));
let last: Promise<void> = Promise.resolve();
// No top-level await: while one is pending, Bun does not end at an uncaught error.
createInterface({ input: process.stdin }).on("line", (line) => {
  last = last.then(async () => {
    const answer = await obey(JSON.parse(line) as Command);
    console.log(JSON.stringify(answer ?? null));
  });
});
