/** The packed package, installed into an empty project: what a user gets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { install, installAgentSdk, link, pack, run } from "./support/packed-project.ts";

const ROOT = join(import.meta.dirname, "..");
const BUN = process.execPath;
const TIMEOUT_MS = 60_000;

let home: string;
let packed: string;

beforeAll(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "spanledger-package-")));
  packed = await pack(home);
}, TIMEOUT_MS);
afterAll(() => rmSync(home, { recursive: true, force: true }));

function newProject(name: string): string {
  const project = join(home, name);
  mkdirSync(project);
  install(packed, project);
  installAgentSdk(project);
  return project;
}

/** A host that writes one run into the file named last on its command line, and prints what became of it. */
const HOST = `import { startTelemetry } from "spanledger";
const telemetry = startTelemetry({ dbPath: process.argv.at(-1) });
await telemetry.traceExecution({ name: "host" }, () => {});
await telemetry.flush();
console.log(JSON.stringify(telemetry.health()));
await telemetry.shutdown();`;
const WRITTEN = { ended: 1, committed: 1, queued: 0, dropped: {} };
const NOT_INSTALLED = `OTLP over http/protobuf goes through @opentelemetry/exporter-trace-otlp-proto, which is not installed: bun add @opentelemetry/exporter-trace-otlp-proto\n`;
const WORKERS = ["spanledger/worker", "spanledger/forward-worker"];

/** A project whose host has written one run into `t.db`. */
async function newProjectWithRun(name: string): Promise<string> {
  const project = newProject(name);
  await Bun.write(join(project, "host.ts"), HOST);
  const host = await run([BUN, "host.ts", "t.db"], project);
  expect(JSON.parse(host.stdout)).toMatchObject(WRITTEN);
  return project;
}

const readmeBlocks = (): string[] =>
  [...readFileSync(join(ROOT, "README.md"), "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map(
    (match) => match[1] ?? "",
  );

test("the tarball holds the build with its types, and no sources, tests or recorded runs", () => {
  const files = readdirSync(packed, { recursive: true, encoding: "utf8" });
  expect(readdirSync(packed).toSorted()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "dist",
    "package.json",
  ]);
  expect(files.filter((file) => file.includes("test"))).toEqual([]);
  expect(files).toContain(join("dist", "index.d.ts"));
  const cli = readFileSync(join(packed, "dist/cli/main.js"), "utf8");
  expect(cli).toStartWith("#!/usr/bin/env bun\n");
});

test("the command line is one bundle, without paths of the machine it was built on, or parts of Node it has no use for", () => {
  const files = readdirSync(join(packed, "dist/cli")).toSorted();
  expect(files).toEqual([
    "LICENSE-commander",
    "main.js",
    "program.js",
    "program.js.jsc",
    "progress-worker.js",
  ]);
  for (const file of files) {
    expect(readFileSync(join(packed, "dist/cli", file)).includes(ROOT)).toBeFalse();
  }
  const program = readFileSync(join(packed, "dist/cli/program.js"), "utf8");
  expect(program).toContain("Bun.stripANSI");
  expect(program).not.toContain('require("child_process")');
});

test(
  "the installed command line answers as its source does, whatever became of its bytecode",
  async () => {
    const project = await newProjectWithRun("command-line");
    const installed = join(project, "node_modules/.bin/spanledger");
    mkdirSync(dirname(installed));
    symlinkSync("../spanledger/dist/cli/main.js", installed);
    const source = join(ROOT, "src/cli/main.ts");
    const ledger = ["--db", "t.db"];
    const questions = [
      ["--help"],
      ["reprot"],
      ["help", "report"],
      [...ledger, "report", "--by", "repo"],
      [...ledger, "runs"],
      [...ledger, "trace", "latest"],
      [...ledger, "sql", "SELECT count(*) FROM spans"],
      [...ledger, "schema"],
      [...ledger, "doctor", "--help"],
      [...ledger, "maintain", "--help"],
      [...ledger, "forward", "--help"],
      [...ledger, "restore", "nowhere.db"],
      ["completion", "bash"],
    ];
    const ask = async (main: string): Promise<unknown[]> =>
      Promise.all(questions.map((question) => run([BUN, main, ...question], project)));
    const answers = await ask(source);
    expect(await ask(installed)).toEqual(answers);
    const hits = async (): Promise<boolean> => {
      const env = { BUN_JSC_verboseDiskCache: "1" };
      const { stderr } = await run([BUN, installed, "--version"], project, env);
      return stderr.includes("Cache hit");
    };
    expect(await hits()).toBeTrue();
    const bytecode = join(project, "node_modules/spanledger/dist/cli/program.js.jsc");
    writeFileSync(bytecode, readFileSync(bytecode).fill(0, 0, 64));
    expect(await hits()).toBeFalse();
    expect(await ask(installed)).toEqual(answers);
    rmSync(bytecode);
    expect(await ask(installed)).toEqual(answers);
  },
  TIMEOUT_MS,
);

test(
  "the installed command line finds its thread for progress on a terminal, and the package for OTLP",
  async () => {
    const project = newProject("finds");
    link(project, "@opentelemetry/exporter-trace-otlp-proto");
    await Bun.write(join(project, "host.ts"), HOST);
    await run([BUN, "host.ts", "t.db"], project);
    const main = join(project, "node_modules/spanledger/dist/cli/main.js");
    let shown = "";
    const child = Bun.spawn([BUN, main, "--db", "t.db", "backup", "copy.db"], {
      cwd: project,
      terminal: {
        data: (_, bytes) => {
          shown += new TextDecoder().decode(bytes);
        },
      },
    });
    expect(await child.exited).toBe(0);
    while (!shown.includes("\n")) await Bun.sleep(1);
    expect(shown).toStartWith("\r\u001b[KBacked up to copy.db"); // Cleared by whoever started the thread.

    using backend = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const forward = ["--db", "t.db", "forward", "--endpoint", backend.url.href];
    const { stdout, exitCode } = await run([BUN, main, ...forward], project);
    expect([stdout, exitCode]).toEqual([`Sent 1 span to ${backend.url.href}v1/traces.\n`, 0]);
  },
  TIMEOUT_MS,
);

test(
  "a package that is not installed is not fetched, where Bun would do so: in a folder without any",
  async () => {
    const project = await newProjectWithRun("alone");
    const main = join(project, "node_modules/spanledger/dist/cli/main.js");
    const folder = join(home, "elsewhere");
    mkdirSync(folder);
    let requests = 0;
    const answer = (): Response => {
      requests += 1;
      return new Response(null, { status: 404 });
    };
    using registry = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
    const env = { HOME: folder, BUN_CONFIG_REGISTRY: registry.url.href };
    const command = [BUN, main, "--db", join(project, "t.db"), "forward", "--dry-run"];
    const { stderr, exitCode } = await run(command, folder, env);
    expect([requests, stderr, exitCode]).toEqual([0, NOT_INSTALLED, 1]);
  },
  TIMEOUT_MS,
);

test(
  "what is packed can be made again, byte for byte",
  async () => {
    const again = join(home, "again");
    mkdirSync(again);
    const other = await pack(again);
    const files = readdirSync(packed, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      const path = join(file.parentPath.slice(packed.length), file.name);
      const isSame = readFileSync(join(packed, path)).equals(readFileSync(join(other, path)));
      expect([path, isSame]).toEqual([path, true]);
    }
  },
  TIMEOUT_MS,
);

test("everything that package.json names is in the tarball", () => {
  const manifest = JSON.parse(readFileSync(join(packed, "package.json"), "utf8"));
  const targets = [manifest.exports, manifest.bin].flatMap((part) =>
    Object.values<string | Record<string, string>>(part).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    ),
  );
  expect(targets.length).toBeGreaterThan(5);
  for (const target of targets) expect(readFileSync(join(packed, target), "utf8")).not.toBe("");
});

test(
  "the README's code runs in an empty project, and its types hold there",
  async () => {
    const project = newProject("readme");
    const blocks = readmeBlocks();
    expect(blocks.length).toBeGreaterThan(3);
    for (const [index, block] of blocks.entries()) {
      const file = `block-${index}.ts`;
      await Bun.write(join(project, file), block);
      const { stderr, exitCode } = await run([BUN, file], project);
      expect([block, stderr, exitCode]).toEqual([block, "", 0]);
    }
    const compilerOptions = {
      target: "ESNext",
      lib: ["ESNext"],
      module: "NodeNext",
      types: ["bun"],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    await Bun.write(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const tsc = await run([join(ROOT, "node_modules/.bin/tsc")], project);
    expect([tsc.stdout, tsc.exitCode]).toEqual(["", 0]);
    const cli = join("node_modules", "spanledger", "dist", "cli", "main.js");
    const report = await run([BUN, cli, "report", "--by", "repo", "--json"], project);
    expect(JSON.parse(report.stdout).total.runs).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test(
  "a host bundled with the Workers' modules as entries writes through its Worker",
  async () => {
    const project = newProject("bundled");
    await Bun.write(join(project, "host.ts"), HOST);
    const flags = ["--target", "bun", "--outdir", "out", "--entry-naming", "[name].[ext]"];
    const built = await run([BUN, "build", "host.ts", ...WORKERS, ...flags], project);
    expect([built.stderr, built.exitCode]).toEqual(["", 0]);
    const host = await run([BUN, "out/host.js", "t.db"], project);
    expect([host.stderr, host.exitCode]).toEqual(["", 0]);
    expect(JSON.parse(host.stdout)).toMatchObject(WRITTEN);
  },
  TIMEOUT_MS,
);

test(
  "a host compiled with the Workers' modules as entries writes through its Worker",
  async () => {
    const project = newProject("compiled");
    await Bun.write(join(project, "host.ts"), HOST);
    const flags = ["--compile", "--outfile", "host", "--entry-naming", "[name].[ext]"];
    const built = await run([BUN, "build", "host.ts", ...WORKERS, ...flags], project);
    expect([built.stderr, built.exitCode]).toEqual(["", 0]);
    rmSync(join(project, "node_modules"), { recursive: true });
    const host = await run([join(project, "host"), "t.db"], project);
    expect([host.stderr, host.exitCode]).toEqual(["", 0]);
    expect(JSON.parse(host.stdout)).toMatchObject(WRITTEN);
  },
  TIMEOUT_MS,
);

test(
  "a host bundled without them says that it writes in its own thread, and loses nothing",
  async () => {
    const project = newProject("bundled-alone");
    await Bun.write(join(project, "host.ts"), HOST);
    await run([BUN, "build", "host.ts", "--target", "bun", "--outdir", "out"], project);
    const host = await run([BUN, "out/host.js", "t.db"], project);
    expect(host.stderr).toContain("they are written in the host's thread");
    expect(JSON.parse(host.stdout)).toMatchObject(WRITTEN);
  },
  TIMEOUT_MS,
);

test(
  "preloading spanledger/register records a host that knows nothing of it",
  async () => {
    const project = newProject("zero-code");
    await Bun.write(
      join(project, "app.ts"),
      `import * as sdk from "@anthropic-ai/claude-agent-sdk";
const { query, AbortError } = await import("@anthropic-ai/claude-agent-sdk");
const types: string[] = [];
for await (const { type } of query({ prompt: "Hello." })) types.push(type);
console.log(JSON.stringify({ types, isOne: query === sdk.query && AbortError === sdk.AbortError }));`,
    );
    const env = { TELEMETRY_DB_PATH: join(project, "t.db") };
    const app = await run([BUN, "--preload", "spanledger/register", "app.ts"], project, env);
    expect([app.stderr, app.exitCode]).toEqual(["", 0]);
    expect(JSON.parse(app.stdout)).toEqual({
      types: ["system", "assistant", "result"],
      isOne: true,
    });
    const cli = join("node_modules", "spanledger", "dist", "cli", "main.js");
    const report = await run([BUN, cli, "report", "--json"], project, env);
    expect(JSON.parse(report.stdout).total).toMatchObject({ runs: 1, costNanoUsd: 7_791_000 });
  },
  TIMEOUT_MS,
);
