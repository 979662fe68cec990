import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { useTempDir } from "../support/temp-dir.ts";
import { type Host, killChildren, query, range, spansIn, startHost, startLocker } from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

const SPANS = 3000;

async function hostWithSpans(dbPath: string, flushOnSignals = false): Promise<Host> {
  const host = await startHost({ dbPath, flushOnSignals });
  await host.ask({ do: "spans", first: 0, count: SPANS });
  return host;
}

describe("no span is lost and the exit code is the host's own, when the process ends", () => {
  const ends: [string, (host: Host) => void, number][] = [
    ["by itself", (host) => host.child.stdin.end(), 0],
    ["by process.exit", (host) => host.write({ do: "exit", code: 7 }), 7],
    ["by an uncaught error", (host) => host.write({ do: "throw" }), 1],
    ["by an unhandled rejection", (host) => host.write({ do: "reject" }), 1],
  ];
  for (const [how, end, code] of ends) {
    test(how, async () => {
      const dbPath = join(tempDir(), "t.db");
      const host = await hostWithSpans(dbPath);
      end(host);
      expect(await host.child.exited).toBe(code);
      expect(spansIn(dbPath)).toEqual({ numbers: range(SPANS), integrity: "ok" });
    });
  }

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`by ${signal}, where the host asked for it`, async () => {
      const dbPath = join(tempDir(), "t.db");
      const host = await hostWithSpans(dbPath, true);
      host.child.kill(signal);
      await host.child.exited;
      expect(host.child.signalCode).toBe(signal);
      expect(spansIn(dbPath)).toEqual({ numbers: range(SPANS), integrity: "ok" });
    });
  }
});

test("a signal that the host listens to itself flushes, and is the host's to decide", () => {
  const dbPath = join(tempDir(), "t.db");
  const script = `
    import { startTelemetry } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
    const telemetry = startTelemetry({ dbPath: ${JSON.stringify(dbPath)}, flushOnSignals: true });
    process.on("SIGTERM", () => {
      console.log(telemetry.health().committed);
      setTimeout(() => {
        telemetry.tracer.startSpan("work", { attributes: { n: 1 } }).end();
        process.exit(5);
      }, 20);
    });
    telemetry.tracer.startSpan("work", { attributes: { n: 0 } }).end();
    process.kill(process.pid, "SIGTERM");
    setTimeout(() => {}, 5000);`;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect([child.exitCode, child.stdout.toString()]).toEqual([5, "1\n"]);
  expect(spansIn(dbPath)).toEqual({ numbers: [0, 1], integrity: "ok" });
});

test("a signal that the host listens to once, from before telemetry starts, is the host's too", () => {
  const dbPath = join(tempDir(), "t.db");
  const script = `
    import { startTelemetry } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
    process.once("SIGTERM", () => setTimeout(() => process.exit(5), 20));
    const telemetry = startTelemetry({ dbPath: ${JSON.stringify(dbPath)}, flushOnSignals: true });
    telemetry.tracer.startSpan("work", { attributes: { n: 0 } }).end();
    process.kill(process.pid, "SIGTERM");
    setTimeout(() => {}, 5000);`;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect([child.exitCode, child.signalCode]).toEqual([5, undefined]);
  expect(spansIn(dbPath)).toEqual({ numbers: [0], integrity: "ok" });
});

test("a signal that two telemetries of a process drain at ends it, once both have", () => {
  const paths = [join(tempDir(), "a.db"), join(tempDir(), "b.db")];
  const script = `
    import { startTelemetry } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
    for (const dbPath of ${JSON.stringify(paths)}) {
      const options = { dbPath, flushOnSignals: true, registerGlobals: false };
      startTelemetry(options).tracer.startSpan("work", { attributes: { n: 0 } }).end();
    }
    process.kill(process.pid, "SIGTERM");
    setTimeout(() => process.exit(9), 5000);`;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect(child.signalCode).toBe("SIGTERM");
  for (const path of paths) expect(spansIn(path)).toEqual({ numbers: [0], integrity: "ok" });
});

test("a signal that nobody asked to be listened to ends the process at once", async () => {
  const host = await hostWithSpans(join(tempDir(), "t.db"));
  host.child.kill("SIGTERM");
  await host.child.exited;
  expect(host.child.signalCode).toBe("SIGTERM");
});

test("a script of one execution and no shutdown keeps its span", async () => {
  const dbPath = join(tempDir(), "t.db");
  const script = `
    import { startTelemetry } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
    const telemetry = startTelemetry({ dbPath: ${JSON.stringify(dbPath)} });
    await telemetry.traceExecution({ name: "review", repo: "acme/api" }, async () => {});`;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect([child.exitCode, child.stderr.toString()]).toEqual([0, ""]);
  expect(query(dbPath, "SELECT repo, conclusion FROM executions")).toEqual([
    { repo: "acme/api", conclusion: "success" },
  ]);
});

test("a span that ends while the process exits, after telemetry was told so, is written too", () => {
  const dbPath = join(tempDir(), "t.db");
  const script = `
    import { startTelemetry } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
    const { tracer } = startTelemetry({ dbPath: ${JSON.stringify(dbPath)} });
    const spans = [0, 1, 2].map((n) => tracer.startSpan("work", { attributes: { n } }));
    spans[0].end();
    process.on("exit", () => {
      spans[1].end();
      spans[2].end();
    });
    process.exit(3);`;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect([child.exitCode, child.stderr.toString()]).toEqual([3, ""]);
  expect(spansIn(dbPath)).toEqual({ numbers: [0, 1, 2], integrity: "ok" });
});

test("process.exit while the file is locked ends all the same, and tells what is not written", async () => {
  const dbPath = join(tempDir(), "t.db");
  const host = await startHost({ dbPath, tellsHealthAtExit: true });
  await host.ask({ do: "spans", first: 0, count: 10 });
  await host.ask({ do: "flush" });
  const locker = await startLocker(dbPath);
  await host.ask({ do: "spans", first: 10, count: 5 });
  host.write({ do: "exit", code: 4 });
  expect(await host.read()).toMatchObject({ atExit: { ended: 15, committed: 10, queued: 5 } });
  expect(await host.child.exited).toBe(4);
  locker.kill("SIGKILL");
  await locker.exited;
  expect(spansIn(dbPath)).toEqual({ numbers: range(10), integrity: "ok" });
});

test("a lock that is released while the process ends costs nothing", async () => {
  const dbPath = join(tempDir(), "t.db");
  const host = await hostWithSpans(dbPath);
  await host.ask({ do: "flush" });
  const locker = await startLocker(dbPath);
  await host.ask({ do: "spans", first: SPANS, count: 5 });
  host.write({ do: "exit", code: 0 });
  await Bun.sleep(400);
  locker.stdin.write("go\n");
  locker.stdin.flush();
  expect(await host.child.exited).toBe(0);
  expect(spansIn(dbPath)).toEqual({ numbers: range(SPANS + 5), integrity: "ok" });
});
