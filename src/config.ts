/**
 * Options and environment → one checked configuration. Options beat the environment. A bad option is
 * the programmer's error and throws; a bad environment value is the operator's, warns and falls back.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { OTLP_PROTOCOLS, type OtlpProtocol } from "./exporter/otlp.ts";
import { loadPriceOverrides } from "./exporter/prices/price-overrides.ts";
import type { PriceFile } from "./exporter/prices/priced-by.ts";

export const EXPORTER_NAMES = ["sqlite", "otlp", "console", "none"] as const;
/** Where spans can go; `none` is nowhere. */
export type ExporterName = (typeof EXPORTER_NAMES)[number];

export const DEFAULT_DB_PATH: string = "./data/telemetry.db";
const MEMORY_PATH = ":memory:";
export const DEFAULT_RETENTION_DAYS: number = 90;
const MS_PER_DAY = 86_400_000;

/** How spans are gathered into batches, as `OTEL_BSP_*` names it, clamped to what cannot hang a host. */
export interface BatchConfig {
  /** `OTEL_BSP_MAX_QUEUE_SIZE`: spans held while an export runs; more are dropped. @default 16384 */
  maxQueueSize: number;
  /** `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`: spans in one export. @default 512 */
  maxExportBatchSize: number;
  /** `OTEL_BSP_SCHEDULE_DELAY`: milliseconds for which a batch is gathered. @default 1000 */
  scheduledDelayMillis: number;
  /** `OTEL_BSP_EXPORT_TIMEOUT`: milliseconds after which an export is given up. @default 10000 */
  exportTimeoutMillis: number;
}

export interface Config {
  dbPath: string;
  /** Null: what `OTEL_RESOURCE_ATTRIBUTES` says, else the SDK's `unknown_service`. */
  serviceName: string | null;
  retentionMs: number;
  /** 0: no limit. */
  maxDbBytes: number;
  prices: PriceFile | null;
  exporters: readonly ExporterName[];
  registerGlobals: boolean;
  captureContent: boolean;
  flushOnSignals: boolean;
  isDisabled: boolean;
  otlpProtocol: OtlpProtocol;
  /** Null: stored spans are not forwarded. */
  forward: ForwardOptions | null;
  batch: BatchConfig;
}

/** Where stored spans are forwarded to; what is left out, the `OTEL_EXPORTER_OTLP_*` variables say. */
export interface ForwardOptions {
  /** As `OTEL_EXPORTER_OTLP_ENDPOINT`. @default that variable, else localhost */
  endpoint?: string | undefined;
  /** As `OTEL_EXPORTER_OTLP_PROTOCOL`. @default that variable, else "http/protobuf" */
  protocol?: OtlpProtocol | undefined;
  /** Sent with every request, beside those of `OTEL_EXPORTER_OTLP_HEADERS`. */
  headers?: Record<string, string> | undefined;
  /** Whether retention waits until spans are forwarded, within `maxDbBytes`. @default false */
  holdRetention?: boolean | undefined;
}

/** A check of one value: its schema, and the sentence's end that says what is allowed. */
interface Check<T> {
  schema: z.ZodType<T>;
  allowed: string;
  /** Whether a bad value may hold a password. */
  isSecret?: boolean;
}

const isBlank = (text: string): boolean => text.trim() === "";

/** Where the file is from now on: SQLite trims what it is given, and a host may change its directory. */
function fixedPath(path: string): string {
  return path.trim() === MEMORY_PATH ? MEMORY_PATH : resolve(path.trim());
}

const DB_PATH: Check<string> = {
  schema: z
    .string()
    .refine((path) => !isBlank(path) && !path.includes("\0"))
    .transform(fixedPath),
  allowed: "the path of a file, or :memory:",
};
const RETENTION_DAYS: Check<number> = {
  schema: z.number().positive().max(36_500),
  allowed: "a number of days above 0 and up to 36500",
};
const MAX_DB_BYTES: Check<number> = {
  schema: z.number().int().min(0),
  allowed: "a whole number of bytes, or 0 for no limit",
};
const SERVICE_NAME: Check<string> = {
  schema: z.string().refine((name) => !isBlank(name)),
  allowed: "a name that is not blank",
};
const PRICES: Check<PriceFile> = {
  schema: z.string().transform((path, context) => {
    try {
      const jsonText = readFileSync(path, "utf8");
      loadPriceOverrides(jsonText, path);
      return { path, jsonText };
    } catch (error) {
      context.addIssue({
        code: "custom",
        message: (error as Error).message,
        params: { isReason: true },
      });
      return z.NEVER;
    }
  }),
  allowed: "the path of a JSON file of prices",
};
const EXPORTERS: Check<ExporterName[]> = {
  schema: z.array(z.enum(EXPORTER_NAMES)).min(1),
  allowed: `a list of ${EXPORTER_NAMES.join(", ")}`,
};
const ENDPOINT: Check<string> = {
  schema: z.url(),
  allowed: "a URL like http://localhost:4318",
  isSecret: true,
};
const FORWARD: Check<ForwardOptions> = {
  schema: z.strictObject({
    endpoint: z.url().optional(),
    protocol: z.enum(OTLP_PROTOCOLS).optional(),
    headers: z.record(z.string(), z.string()).optional(),
    holdRetention: z.boolean().optional(),
  }),
  allowed: "an object of endpoint (a URL), protocol, headers and holdRetention, each optional",
};
const BOOLEAN: Check<boolean> = { schema: z.boolean(), allowed: "true or false" };

/** The options of `startTelemetry` that are plain values. */
export interface ConfigOptions {
  /** The database file; its directory is created. @default TELEMETRY_DB_PATH, else "./data/telemetry.db" */
  dbPath?: string | undefined;
  /** `service.name` of the resource. @default OTEL_SERVICE_NAME, else that of OTEL_RESOURCE_ATTRIBUTES */
  serviceName?: string | undefined;
  /** Days after which traces are purged into `usage_daily`. @default TELEMETRY_RETENTION_DAYS, else 90 */
  retentionDays?: number | undefined;
  /** Bytes of live data at which the oldest traces are purged early; 0 is no limit. @default 0 */
  maxDbBytes?: number | undefined;
  /**
   * A JSON file of your own prices, which beat the bundled ones: {"models": {"name": {"inputUsdPerMtok": 3,
   * "outputUsdPerMtok": 15}}}, in US dollars for a million tokens. @default TELEMETRY_PRICES_PATH, else none
   */
  pricesPath?: string | undefined;
  /** Where spans go. @default OTEL_TRACES_EXPORTER, else ["sqlite"] */
  exporters?: ExporterName[] | undefined;
  /**
   * Sends what is stored on to an OTLP endpoint, at least once, from where it stopped last time: `{}`
   * for what the `OTEL_EXPORTER_OTLP_*` variables say. Needs the exporter `sqlite` and a file.
   */
  forward?: ForwardOptions | undefined;
  /** Whether tracer provider, context manager and propagator become global, unless the host has its own. @default true */
  registerGlobals?: boolean | undefined;
  /** Whether prompts, tool arguments and results are recorded. @default OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, else false */
  captureContent?: boolean | undefined;
  /**
   * Whether SIGTERM, SIGINT and SIGHUP write what is queued (at most 2 s) before they end the process
   * as ever. Where the host listens to a signal itself, it decides what happens next. @default false
   */
  flushOnSignals?: boolean | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Keys and passwords of a destination are in no sentence. */
function withoutSecrets(name: string, value: unknown): unknown {
  if (name === "headers") return "…";
  if (name !== "endpoint" || typeof value !== "string") return value;
  return value.replace(/[^/]*@|\?.*/g, "…");
}

function show(value: unknown): string {
  if (typeof value === "number") return String(value);
  return JSON.stringify(value, withoutSecrets) ?? String(value);
}

/** What a check found out beyond "not allowed", such as where a file is wrong. */
function reasonOf(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue?.code === "custom" && issue.params?.["isReason"] ? ` (${issue.message})` : "";
}

/** Reads settings from options first, then from the environment, then from the default. */
class Settings {
  readonly #environment: Environment;
  readonly #warn: (message: string) => void;

  constructor(environment: Environment, warn: (message: string) => void) {
    this.#environment = environment;
    this.#warn = warn;
  }

  option<T>(name: string, value: unknown, check: Check<T>): T | undefined {
    if (value === undefined) return undefined;
    const parsed = check.schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const sentence = `startTelemetry: ${name} is ${show(value)}; it must be ${check.allowed}.`;
    throw new TypeError(sentence + reasonOf(parsed.error));
  }

  /** `undefined` where it is unset, blank or bad. */
  variable<T>(name: string, check: Check<T>, parse: (text: string) => unknown): T | undefined {
    const text = this.#environment[name];
    if (text === undefined || isBlank(text)) {
      if (text !== undefined && text !== "") this.#warnOf(name, text, check);
      return undefined;
    }
    const parsed = check.schema.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    this.#warnOf(name, text, check, reasonOf(parsed.error));
    return undefined;
  }

  #warnOf<T>(name: string, text: string, { allowed, isSecret }: Check<T>, reason = ""): void {
    const shown = isSecret ? "not shown here" : show(text);
    this.#warn(`${name} is ${shown}; it must be ${allowed}${reason}. The default is used.`);
  }
}

function parseNumber(text: string): number {
  return isBlank(text) ? Number.NaN : Number(text);
}

function parseBoolean(text: string): unknown {
  const word = text.trim().toLowerCase();
  if (word === "true" || word === "1") return true;
  return word === "false" || word === "0" ? false : text;
}

/** The values that instrumentations in different languages agreed on for "record the content of messages". */
function parseCaptureContent(text: string): unknown {
  const word = text.trim().toLowerCase();
  if (["span_only", "span_and_event", "event_only"].includes(word)) return true;
  return ["no_content", "none"].includes(word) ? false : parseBoolean(text);
}

function parseList(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
}

/** The SDK takes these as they are; 0 hangs the host (batch size) or drops every span (queue size). */
function batchConfig(settings: Settings): BatchConfig {
  const wholeNumber = (name: string, fallback: number, min: number, max: number): number => {
    const check: Check<number> = {
      schema: z.number().int().min(min).max(max),
      allowed: `a whole number from ${min} to ${max}`,
    };
    return settings.variable(name, check, parseNumber) ?? fallback;
  };
  const maxQueueSize = wholeNumber("OTEL_BSP_MAX_QUEUE_SIZE", 16_384, 1, 1_000_000);
  const batchSize = wholeNumber("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1, 100_000);
  return {
    maxQueueSize,
    maxExportBatchSize: Math.min(batchSize, maxQueueSize),
    scheduledDelayMillis: wholeNumber("OTEL_BSP_SCHEDULE_DELAY", 1000, 1, 3_600_000),
    exportTimeoutMillis: wholeNumber("OTEL_BSP_EXPORT_TIMEOUT", 10_000, 1, 3_600_000),
  };
}

/** The signal's own variable beats the general one; the specification's default is http/protobuf. */
function otlpProtocol(settings: Settings): OtlpProtocol {
  const check: Check<OtlpProtocol> = {
    schema: z.enum(OTLP_PROTOCOLS),
    allowed: `one of ${OTLP_PROTOCOLS.join(", ")}`,
  };
  const read = (name: string) => settings.variable(name, check, (text) => text.trim());
  return (
    read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ??
    read("OTEL_EXPORTER_OTLP_PROTOCOL") ??
    "http/protobuf"
  );
}

/** The OTLP packages read it themselves, and where it is bad take localhost without a word. */
function checkEndpoint(settings: Settings, protocol: OtlpProtocol): void {
  if (protocol === "grpc") return; // The name of a host is enough there.
  for (const name of ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]) {
    settings.variable(name, ENDPOINT, (text) => text.trim());
  }
}

/**
 * One checked configuration from options and environment.
 * @throws {TypeError} that names a bad option, its value and what is allowed.
 */
export function resolveConfig(
  options: ConfigOptions,
  environment: Environment,
  warn: (message: string) => void,
): Config {
  const settings = new Settings(environment, warn);
  const pick = <T>(
    name: keyof ConfigOptions,
    variable: string | null,
    check: Check<T>,
    parse: (text: string) => unknown,
  ): T | undefined =>
    settings.option(name, options[name], check) ??
    (variable === null ? undefined : settings.variable(variable, check, parse));
  const text = (value: string): string => value;
  const retentionDays = pick(
    "retentionDays",
    "TELEMETRY_RETENTION_DAYS",
    RETENTION_DAYS,
    parseNumber,
  );
  const forward = settings.option("forward", options.forward, FORWARD) ?? null;
  const dbPath = pick("dbPath", "TELEMETRY_DB_PATH", DB_PATH, text) ?? resolve(DEFAULT_DB_PATH);
  if (forward && dbPath === MEMORY_PATH) {
    throw new TypeError("startTelemetry: forward needs dbPath to be a file, and it is :memory:.");
  }
  const protocol = otlpProtocol(settings);
  checkEndpoint(settings, forward?.protocol ?? protocol);
  const capture = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
  return {
    dbPath,
    serviceName: pick("serviceName", "OTEL_SERVICE_NAME", SERVICE_NAME, text) ?? null,
    retentionMs: (retentionDays ?? DEFAULT_RETENTION_DAYS) * MS_PER_DAY,
    maxDbBytes: pick("maxDbBytes", null, MAX_DB_BYTES, parseNumber) ?? 0,
    prices: pick("pricesPath", "TELEMETRY_PRICES_PATH", PRICES, text) ?? null,
    exporters: pick("exporters", "OTEL_TRACES_EXPORTER", EXPORTERS, parseList) ?? ["sqlite"],
    registerGlobals: pick("registerGlobals", null, BOOLEAN, parseBoolean) ?? true,
    captureContent: pick("captureContent", capture, BOOLEAN, parseCaptureContent) ?? false,
    flushOnSignals: pick("flushOnSignals", null, BOOLEAN, parseBoolean) ?? false,
    isDisabled: settings.variable("OTEL_SDK_DISABLED", BOOLEAN, parseBoolean) ?? false,
    otlpProtocol: protocol,
    forward,
    batch: batchConfig(settings),
  };
}
