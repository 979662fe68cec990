/** OTLP beside the file and after it, as a host has it. */
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTelemetry, type Telemetry, type TelemetryOptions } from "../src/index.ts";
import { OK, type OtlpServer, startOtlpServer } from "./support/otlp-server.ts";
import { useTempDir } from "./support/temp-dir.ts";

const tempDir = useTempDir();
const servers: OtlpServer[] = [];
const variables: string[] = [];
const lines: string[] = [];
const logger = {
  warn: (line: string) => void lines.push(line),
  error: (line: string) => void lines.push(line),
};
let telemetry: Telemetry | undefined;

afterEach(async () => {
  await telemetry?.shutdown();
  telemetry = undefined;
  for (const server of servers.splice(0)) await server.close();
  for (const name of variables.splice(0)) delete process.env[name];
  lines.length = 0;
});

function setVariable(name: string, value: string): void {
  variables.push(name);
  process.env[name] = value;
}

function startServer(): OtlpServer {
  const server = startOtlpServer();
  servers.push(server);
  return server;
}

function start(options: TelemetryOptions): Telemetry {
  telemetry = startTelemetry({ logger, registerGlobals: false, ...options });
  return telemetry;
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isTrue(); tries++) await Bun.sleep(10);
}

function spanCount(dbPath: string): number {
  const db = new Database(dbPath, { readonly: true });
  try {
    return (db.query("SELECT count(*) AS n FROM spans").get() as { n: number }).n;
  } finally {
    db.close(true);
  }
}

describe("a backend beside the file", () => {
  test.each(["hang", { status: 500 }, "reset"] as const)(
    "costs the file nothing when it answers %p",
    async (behaviour) => {
      const server = startServer();
      server.behave(() => behaviour);
      setVariable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
      setVariable("OTEL_EXPORTER_OTLP_ENDPOINT", server.url);
      setVariable("OTEL_EXPORTER_OTLP_TIMEOUT", "400");
      const dbPath = join(tempDir(), "t.db");
      const host = start({ dbPath, exporters: ["otlp", "sqlite"] });
      for (let n = 0; n < 600; n++) host.tracer.startSpan(`span ${n}`).end();
      const flushed = host.flush();
      await until(() => host.health().committed === 600);
      expect(host.health()).toMatchObject({ ended: 600, committed: 600, queued: 0, dropped: {} });
      await flushed;
      await host.shutdown();
      expect(spanCount(dbPath)).toBe(600);
      expect(server.requests.length).toBeGreaterThan(0);
    },
  );
});

describe("forwarding in a host", () => {
  test("sends what is stored, live and from earlier, and what is left at shutdown", async () => {
    const server = startServer();
    const dbPath = join(tempDir(), "t.db");
    const earlier = start({ dbPath });
    earlier.tracer.startSpan("from an earlier run").end();
    await earlier.shutdown();

    const forward = { endpoint: server.url, protocol: "http/json" as const };
    const host = start({ dbPath, forward });
    host.tracer.startSpan("live").end();
    await host.flush();
    await until(() => server.accepted.length === 2);
    host.tracer.startSpan("last").end();
    await host.shutdown();
    expect(server.accepted).toEqual(["from an earlier run", "live", "last"]);
    expect(host.health().forward).toEqual({ accepted: 3, refused: 0, trouble: null });
    expect(lines).toEqual([]);
  });

  test("goes on where it stopped, once a backend that was away is back", async () => {
    const server = startServer();
    server.behave(() => ({ status: 503, body: "starting" }));
    const dbPath = join(tempDir(), "t.db");
    const forward = { endpoint: server.url, protocol: "http/json" as const };
    const host = start({ dbPath, forward });
    host.tracer.startSpan("early").end();
    await host.flush();
    await until(() => host.health().forward?.trouble !== null);
    await host.shutdown();
    expect(lines).toEqual(["Stored spans wait to be forwarded: HTTP 503 starting."]);

    server.behave(() => OK);
    const next = start({ dbPath, forward });
    await until(() => server.accepted.length > 0);
    await next.shutdown();
    expect(server.accepted).toEqual(["early"]);
  });

  test("says so where nothing is stored that could be forwarded", async () => {
    const server = startServer();
    setVariable("OTEL_TRACES_EXPORTER", "none");
    const dbPath = join(tempDir(), "t.db");
    const host = start({ dbPath, forward: { endpoint: server.url, protocol: "http/json" } });
    expect(lines).toEqual([
      "forward is set, and sqlite is not among the exporters (none): nothing is stored, and nothing forwarded.",
    ]);
    expect(host.health().forward).toBeUndefined();
  });

  test("does not keep a host alive that has nothing left to do", async () => {
    const server = startServer();
    server.behave(() => "hang");
    const directory = tempDir();
    const dbPath = join(directory, "t.db");
    const earlier = start({ dbPath });
    earlier.tracer.startSpan("work").end();
    await earlier.shutdown();
    const script = join(directory, "host.ts");
    const index = join(import.meta.dir, "../src/index.ts");
    const options = { dbPath, forward: { endpoint: server.url, protocol: "http/json" } };
    writeFileSync(
      script,
      `import { startTelemetry } from "${index}";
      startTelemetry(${JSON.stringify(options)});
      for await (const _ of Bun.stdin.stream());`,
    );
    const child = Bun.spawn([process.execPath, script], { stdin: "pipe", stderr: "pipe" });
    while (server.requests.length === 0) await Bun.sleep(5);
    child.stdin.end();
    expect(await child.exited).toBe(0);
    expect(await new Response(child.stderr).text()).toBe("");
  });
});

test("a package that is not installed is named, with the command that installs it", async () => {
  const directory = tempDir();
  copyFileSync(join(import.meta.dir, "../src/exporter/otlp.ts"), join(directory, "otlp.ts"));
  writeFileSync(
    join(directory, "host.ts"),
    `import { otlpExporter } from "./otlp.ts";
    try { otlpExporter("grpc"); } catch (error) { console.log(error.message); }`,
  );
  const child = Bun.spawn([process.execPath, "--no-install", "host.ts"], { cwd: directory });
  expect(await new Response(child.stdout).text()).toBe(
    "OTLP over grpc goes through @opentelemetry/exporter-trace-otlp-grpc, which is not installed: " +
      "bun add @opentelemetry/exporter-trace-otlp-grpc\n",
  );
});
