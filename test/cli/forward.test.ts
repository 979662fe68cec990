import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { type OtlpServer, startOtlpServer } from "../support/otlp-server.ts";
import { NOW_MS, spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const MAIN = join(import.meta.dir, "../../src/cli/main.ts");
let main: string;
let server: OtlpServer;
let dbPath: string;

beforeEach(() => {
  main = MAIN;
  server = startOtlpServer();
  dbPath = join(tempDir(), "t.db");
  const store = new Store({ path: dbPath, writer: "w", busyTimeoutMs: 100 });
  store.write(
    ["a", "b", "c"].map((name) => spanRow({ span: name, name })),
    NOW_MS,
  );
  store.close();
});
afterEach(() => server.close());

interface Output {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The server's port differs from run to run. */
async function forward(...args: string[]): Promise<Output> {
  const child = Bun.spawn([process.execPath, main, "--db", dbPath, "forward", ...args], {
    cwd: join(main, "../../.."),
    stdout: "pipe",
    stderr: "pipe",
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    },
  });
  const text = async (stream: ReadableStream): Promise<string> =>
    (await new Response(stream).text()).replaceAll(server.url, "http://collector");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await child.exited, stdout, stderr };
}

test("what is stored is sent once, and the next run has nothing to send", async () => {
  expect(await forward()).toEqual({
    exitCode: 0,
    stdout: "Sent 3 spans to http://collector/v1/traces.\n",
    stderr: "3 of 3 spans\n",
  });
  expect(server.accepted).toEqual(["a", "b", "c"]);
  const { stdout } = await forward("--json");
  expect(stdout).toMatchInlineSnapshot(`
    "{
      "url": "http://collector/v1/traces",
      "end": "done",
      "accepted": 0,
      "refused": 0,
      "trouble": null,
      "pending": 0
    }
    "
  `);
});

test("--since sends again what ended from then on", async () => {
  await forward();
  expect((await forward("--since", "2026-01-01")).stdout).toContain("Sent 3 spans");
  expect((await forward("--since", "2030-01-01")).stdout).toContain("Sent 0 spans");
  expect(server.accepted).toHaveLength(6);
});

test("--dry-run says what would be sent, and sends nothing", async () => {
  expect(await forward("--dry-run")).toEqual({
    exitCode: 0,
    stdout:
      "Would send 3 spans to http://collector/v1/traces, from 2026-11-20T12:00:00.000Z to 2026-11-20T12:00:00.000Z.\n",
    stderr: "",
  });
  expect(server.requests).toEqual([]);
});

test("what is refused is said, with what could steer a terminal taken out, and is a failure", async () => {
  server.behave(({ names }) =>
    names.includes("b") ? { status: 400, body: "\u001b[31mno b" } : { status: 200, body: {} },
  );
  const { exitCode, stdout, stderr } = await forward();
  expect(exitCode).toBe(1);
  expect(stdout).toBe("Sent 2 spans to http://collector/v1/traces.\n");
  expect(stderr).toEndWith(
    "http://collector/v1/traces refused 1 span; the table forward_refusals names them and says why.\n",
  );
});

test("--follow sends what comes, until it is interrupted", async () => {
  const child = Bun.spawn(
    [
      ...[process.execPath, MAIN, "--db", dbPath, "forward", "--follow"],
      ...["--protocol", "http/json", "--endpoint", server.url],
    ],
    { stdout: "pipe", stderr: "ignore" },
  );
  for (let tries = 0; tries < 400 && server.accepted.length < 3; tries++) await Bun.sleep(10);
  const store = new Store({ path: dbPath, writer: "w2", busyTimeoutMs: 1000 });
  store.write([spanRow({ span: "d", name: "d" })], NOW_MS);
  store.close();
  for (let tries = 0; tries < 400 && server.accepted.length < 4; tries++) await Bun.sleep(10);
  child.kill("SIGINT");
  expect(await new Response(child.stdout).text()).toContain("Sent 4 spans");
  expect(await child.exited).toBe(0);
  expect(server.accepted).toEqual(["a", "b", "c", "d"]);
});

test.each([
  [["--since", "soon"], 2],
  [["--protocol", "carrier-pigeon"], 2],
  [["--endpoint", "collector"], 2],
] as const)("%p is wrong usage", async (args, exitCode) => {
  expect((await forward(...args)).exitCode).toBe(exitCode);
  expect(server.requests).toEqual([]);
});

test("an endpoint that HTTP cannot reach is said at once, in a sentence", async () => {
  const { exitCode, stdout, stderr } = await forward("--endpoint", "collector:4318");
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 1,
    stdout: "",
    stderr:
      "OTLP over http/json needs an endpoint like http://localhost:4318, and this one begins with collector:\n",
  });
});

test("a package that is not installed is said in a sentence, with the command that installs it", async () => {
  const directory = tempDir();
  const root = join(import.meta.dir, "../..");
  for (const name of ["src", "data", "package.json"]) {
    cpSync(join(root, name), join(directory, name), { recursive: true });
  }
  const modules = join(directory, "node_modules");
  mkdirSync(join(modules, "@opentelemetry"), { recursive: true });
  const link = (name: string): void =>
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  const installed = (scope: string): string[] => readdirSync(join(root, "node_modules", scope));
  for (const name of installed("")) if (name !== "@opentelemetry") link(name);
  for (const name of installed("@opentelemetry")) {
    if (!name.startsWith("exporter-")) link(join("@opentelemetry", name));
  }
  main = join(directory, "src/cli/main.ts");
  for (const flag of ["--json", "--dry-run"]) {
    expect(await forward("--protocol", "grpc", flag)).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        "OTLP over grpc goes through @opentelemetry/exporter-trace-otlp-grpc, which is not installed: " +
        "bun add @opentelemetry/exporter-trace-otlp-grpc\n",
    });
  }
});

test("a file that is not there is not created", async () => {
  dbPath = join(tempDir(), "none.db");
  const { exitCode, stderr } = await forward();
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`There is no database at ${dbPath}`);
  expect(await Bun.file(dbPath).exists()).toBe(false);
});
