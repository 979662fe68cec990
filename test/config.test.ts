import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { resolve as absolute, join } from "node:path";
import { type ConfigOptions, type Environment, resolveConfig } from "../src/config.ts";
import { useTempDir } from "./support/temp-dir.ts";

const tempDir = useTempDir();

function resolve(options: ConfigOptions, environment: Environment = {}) {
  const warnings: string[] = [];
  return { config: resolveConfig(options, environment, (w) => warnings.push(w)), warnings };
}

test("without options and environment the defaults hold", () => {
  const { config, warnings } = resolve({});
  expect(config).toEqual({
    dbPath: absolute("./data/telemetry.db"),
    serviceName: null,
    retentionMs: 90 * 86_400_000,
    maxDbBytes: 0,
    prices: null,
    exporters: ["sqlite"],
    registerGlobals: true,
    captureContent: false,
    flushOnSignals: false,
    isDisabled: false,
    otlpProtocol: "http/protobuf",
    forward: null,
    batch: {
      maxQueueSize: 16_384,
      maxExportBatchSize: 512,
      scheduledDelayMillis: 1000,
      exportTimeoutMillis: 10_000,
    },
  });
  expect(warnings).toEqual([]);
});

test("the environment beats the defaults, and options beat the environment", () => {
  const environment = {
    TELEMETRY_DB_PATH: "/var/lib/bot/t.db",
    TELEMETRY_RETENTION_DAYS: "30",
    OTEL_SERVICE_NAME: "bot",
    OTEL_TRACES_EXPORTER: "sqlite, otlp",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_SDK_DISABLED: "true",
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "SPAN_ONLY",
  };
  const { config } = resolve({}, environment);
  expect(config).toMatchObject({
    dbPath: "/var/lib/bot/t.db",
    retentionMs: 30 * 86_400_000,
    serviceName: "bot",
    exporters: ["sqlite", "otlp"],
    otlpProtocol: "http/json",
    isDisabled: true,
    captureContent: true,
  });
  const options: ConfigOptions = { dbPath: "x.db", retentionDays: 1, exporters: ["none"] };
  expect(resolve(options, environment).config).toMatchObject({
    dbPath: absolute("x.db"),
    retentionMs: 86_400_000,
    exporters: ["none"],
  });
});

test("the path of the file is whole, so that a host may change its directory, and without blanks around it", () => {
  expect(resolve({ dbPath: "data/t.db" }).config.dbPath).toBe(absolute("data/t.db"));
  const environment = { TELEMETRY_DB_PATH: "/var/lib/bot/a b#%.db\r\n" };
  expect(resolve({}, environment).config.dbPath).toBe("/var/lib/bot/a b#%.db");
  expect(resolve({ dbPath: " :memory: " }).config.dbPath).toBe(":memory:");
});

describe("an impossible option throws a sentence with the option, its value and what is allowed", () => {
  const sentences: [unknown, string][] = [
    [
      { retentionDays: -1 },
      "startTelemetry: retentionDays is -1; it must be a number of days above 0 and up to 36500.",
    ],
    [
      { retentionDays: Number.NaN },
      "startTelemetry: retentionDays is NaN; it must be a number of days above 0 and up to 36500.",
    ],
    [{ dbPath: "" }, 'startTelemetry: dbPath is ""; it must be the path of a file, or :memory:.'],
    [
      { dbPath: "  " },
      'startTelemetry: dbPath is "  "; it must be the path of a file, or :memory:.',
    ],
    [
      { exporters: ["jaeger"] },
      'startTelemetry: exporters is ["jaeger"]; it must be a list of sqlite, otlp, console, none.',
    ],
    [
      { maxDbBytes: 0.5 },
      "startTelemetry: maxDbBytes is 0.5; it must be a whole number of bytes, or 0 for no limit.",
    ],
    [
      { registerGlobals: "yes" },
      'startTelemetry: registerGlobals is "yes"; it must be true or false.',
    ],
  ];
  for (const [options, sentence] of sentences) {
    test(sentence, () => {
      expect(() => resolve(options as ConfigOptions)).toThrow(new TypeError(sentence));
    });
  }
});

test("a price file that is none says where it is wrong", () => {
  const path = join(tempDir(), "prices.json");
  writeFileSync(path, '{"models": {"m": {"inputUsdPerMtok": "3", "outputUsdPerMtok": 15}}}');
  expect(() => resolve({ pricesPath: path })).toThrow(
    /pricesPath is .* \(.*models\.m\.inputUsdPerMtok\)/s,
  );
});

test("a price file is read at start, by option or environment", () => {
  const path = join(tempDir(), "prices.json");
  const jsonText = '{"models": {"m": {"inputUsdPerMtok": 3, "outputUsdPerMtok": 15}}}';
  writeFileSync(path, jsonText);
  expect(resolve({ pricesPath: path }).config.prices).toEqual({ path, jsonText });
  expect(resolve({}, { TELEMETRY_PRICES_PATH: path }).config.prices).toEqual({ path, jsonText });
});

describe("a bad environment value warns and falls back", () => {
  const bad: [string, string][] = [
    ["TELEMETRY_RETENTION_DAYS", "soon"],
    ["TELEMETRY_RETENTION_DAYS", "0"],
    ["TELEMETRY_DB_PATH", "   "],
    ["TELEMETRY_PRICES_PATH", "/no/such/file.json"],
    ["OTEL_TRACES_EXPORTER", "jaeger"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"],
    ["OTEL_SDK_DISABLED", "perhaps"],
    ...["0", "-1", "1.5", "abc", "1e99"].flatMap((value): [string, string][] => [
      ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE", value],
      ["OTEL_BSP_MAX_QUEUE_SIZE", value],
      ["OTEL_BSP_SCHEDULE_DELAY", value],
      ["OTEL_BSP_EXPORT_TIMEOUT", value],
    ]),
  ];
  for (const [name, value] of bad) {
    test(`${name}=${value}`, () => {
      const { config, warnings } = resolve({}, { [name]: value });
      expect(config).toEqual(resolve({}).config);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toStartWith(`${name} is ${JSON.stringify(value)}; it must be `);
    });
  }

  test("an OTLP endpoint that is no URL, of which nothing is shown: it may hold a password", () => {
    const name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const environment = { [name]: "https//me:secret@collector" };
    const warning = `${name} is not shown here; it must be a URL like http://localhost:4318. The default is used.`;
    expect(resolve({}, environment).warnings).toEqual([warning]);
    expect(resolve({}, { [name]: "http://collector:4318" }).warnings).toEqual([]);
    const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", [name]: "collector" };
    expect(resolve({}, grpc).warnings).toEqual([]);
  });

  test("an empty variable is an unset one", () => {
    expect(resolve({}, { TELEMETRY_DB_PATH: "", OTEL_SERVICE_NAME: "" }).warnings).toEqual([]);
  });
});

test("the batch never outgrows the queue", () => {
  const { config } = resolve({}, { OTEL_BSP_MAX_QUEUE_SIZE: "100" });
  expect(config.batch).toMatchObject({ maxQueueSize: 100, maxExportBatchSize: 100 });
});

test("forward is checked like everything else, and needs a file", () => {
  const forward = { endpoint: "https://otlp.example:4318", headers: { "x-key": "k" } };
  expect(resolve({ forward }).config.forward).toEqual(forward);
  expect(resolve({ forward: {} }).config.forward).toEqual({});
  const allowed =
    "it must be an object of endpoint (a URL), protocol, headers and holdRetention, each optional.";
  expect(() => resolve({ forward: { endpoint: "collector" } })).toThrow(
    `startTelemetry: forward is {"endpoint":"collector"}; ${allowed}`,
  );
  const secret = { endpoint: "https//me:pw@host/x?key=k", headers: { "x-key": "k" } };
  expect(() => resolve({ forward: secret })).toThrow(
    `startTelemetry: forward is {"endpoint":"https//…host/x…","headers":"…"}; ${allowed}`,
  );
  expect(() => resolve({ forward: {}, dbPath: ":memory:" })).toThrow(
    "startTelemetry: forward needs dbPath to be a file, and it is :memory:.",
  );
});
