import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { useTempDir } from "../support/temp-dir.ts";
import { killChildren, range, spansIn } from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

const ROOT = join(import.meta.dir, "../..");
const SPANS = 200;

/** A host, and beside it the one line that takes the Worker into a bundle. */
const HOST = `
import { startTelemetry } from ${JSON.stringify(join(ROOT, "src/index.ts"))};
const telemetry = startTelemetry({ dbPath: process.argv[2], registerGlobals: false });
for (let n = 0; n < ${SPANS}; n += 1) telemetry.tracer.startSpan("work", { attributes: { n } }).end();
if (process.argv[3] === "exit") process.exit(0);
await telemetry.flush();
await telemetry.shutdown();`;
const WORKER = `import ${JSON.stringify(join(ROOT, "src/exporter/spanledger-worker.ts"))};`;

function project(): { directory: string; host: string; worker: string } {
  const directory = tempDir();
  const host = join(directory, "src/host.ts");
  const worker = join(directory, "src/spanledger-worker.ts");
  mkdirSync(dirname(host));
  writeFileSync(host, HOST);
  writeFileSync(worker, WORKER);
  return { directory, host, worker };
}

function run(command: readonly string[], cwd = ROOT): { exitCode: number; errors: string } {
  const child = Bun.spawnSync([...command], { cwd });
  return { exitCode: child.exitCode, errors: child.stderr.toString() };
}

function build(args: readonly string[]): void {
  const { exitCode, errors } = run([process.execPath, "build", "--target", "bun", ...args]);
  if (exitCode !== 0) throw new Error(errors);
}

const IN_THREAD = "they are written in the host's thread";

describe("a host made with bun build", () => {
  let directory = "";
  let dbPath = "";
  const bundle = (entries: readonly string[]): void =>
    build([...entries, "--outdir", join(directory, "out")]);
  const runHost = (...args: string[]) =>
    run([process.execPath, join(directory, "out/host.js"), dbPath, ...args], directory);

  test("writes from the Worker where that is an entry point too", () => {
    const made = project();
    directory = made.directory;
    dbPath = join(directory, "t.db");
    bundle([made.host, made.worker]);
    expect(runHost()).toEqual({ exitCode: 0, errors: "" });
    expect(spansIn(dbPath)).toEqual({ numbers: range(SPANS), integrity: "ok" });
  });

  test("writes from its own thread where it is not, says so, and loses nothing", () => {
    const made = project();
    directory = made.directory;
    dbPath = join(directory, "t.db");
    bundle([made.host]);
    const { exitCode, errors } = runHost();
    expect(exitCode).toBe(0);
    expect(errors).toContain(IN_THREAD);
    expect(runHost("exit").exitCode).toBe(0);
    expect(spansIn(dbPath).numbers).toHaveLength(2 * SPANS);
  });
});

describe("a host made with bun build --compile", () => {
  const compile = (directory: string, entries: readonly string[]): string => {
    const file = join(directory, "host");
    build([...entries, "--compile", "--outfile", file]);
    return file;
  };

  test("writes from the Worker where that is an entry point too", () => {
    const { directory, host, worker } = project();
    const dbPath = join(directory, "t.db");
    const file = compile(directory, [host, worker]);
    expect(run([file, dbPath], directory)).toEqual({ exitCode: 0, errors: "" });
    expect(spansIn(dbPath)).toEqual({ numbers: range(SPANS), integrity: "ok" });
  }, 60_000);

  test("writes from its own thread where it is not, says so, and loses nothing", () => {
    const { directory, host } = project();
    const dbPath = join(directory, "t.db");
    const file = compile(directory, [host]);
    const { exitCode, errors } = run([file, dbPath], directory);
    expect(exitCode).toBe(0);
    expect(errors).toContain(IN_THREAD);
    expect(spansIn(dbPath)).toEqual({ numbers: range(SPANS), integrity: "ok" });
  }, 60_000);
});
