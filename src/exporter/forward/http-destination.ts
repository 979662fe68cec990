/**
 * OTLP over HTTP. Settings and encoding are the official packages'; the request is sent here, because
 * their transport keeps status and `Retry-After` to itself and gives up after ten seconds.
 */
import { type Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { loadOtlpPackage, type OtlpProtocol } from "../otlp.ts";
import {
  type Answer,
  acceptedAnswer,
  type Destination,
  type DestinationOptions,
  publicUrl,
  shortReason,
  type TraceSerializer,
} from "./destination.ts";

interface HttpSettings {
  url: string;
  headers: () => Promise<Record<string, string>>;
  timeoutMillis: number;
  compression: "none" | "gzip";
  agentFactory: (protocol: string) => Agent | Promise<Agent>;
}

interface OfficialHttp {
  convertLegacyHttpOptions(
    config: { url?: string; headers?: Readonly<Record<string, string>> },
    signal: string,
    path: string,
    requiredHeaders: Record<string, string>,
  ): HttpSettings;
}

interface OfficialTransformer {
  ProtobufTraceSerializer: TraceSerializer;
  JsonTraceSerializer: TraceSerializer;
}

interface HttpResponse {
  status: number;
  retryAfter: string | undefined;
  body: Buffer;
}

const TRACES_PATH = "v1/traces";
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** "Retryable" in the OTLP specification; all other errors are not to be sent again as they are. */
const RETRYABLE_STATUS = new Set([429, 502, 503, 504]);
/** They say that the address is wrong, or the key, and nothing of the spans: like a destination that is away. */
const MISDIRECTED_STATUS = new Set([401, 402, 404, 405, 407]);
/** Of a wrong key, or of a firewall that does not like a text. */
const FORBIDDEN = 403;

/** Milliseconds that a `Retry-After` header asks for, in either of its forms; null where it is not one. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined || header.trim() === "") return null;
  const seconds = Number(header);
  const delayMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(delayMs) ? Math.max(0, delayMs) : null;
}

/** `http://host:4318` and `http://host:4318/v1/traces` are the same endpoint. */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith(`/${TRACES_PATH}`) ? path : `${path}/${TRACES_PATH}`;
  return url.href;
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A login, a proxy's notice or an application at the wrong address, which has taken no spans. */
function isWebPage(body: Buffer): boolean {
  return /^\s*<(?:!doctype\s+html|html)\b/i.test(body.toString("latin1", 0, 200));
}

function answerOf(response: HttpResponse, serializer: TraceSerializer, nowMs: number): Answer {
  const { status, retryAfter, body } = response;
  const isSuccess = status >= 200 && status <= 299;
  if (isSuccess && !isWebPage(body)) return acceptedAnswer(serializer, body);
  const said = isSuccess
    ? "with a web page: no OTLP receiver answers there"
    : body.toString("utf8");
  const reason = shortReason(`HTTP ${status} ${said}`);
  const isMisdirected = status < 400 || MISDIRECTED_STATUS.has(status);
  return isMisdirected || RETRYABLE_STATUS.has(status)
    ? { kind: "later", afterMs: retryAfterMs(retryAfter, nowMs), reason }
    : { kind: "refused", blamesSpans: status < 500 && status !== FORBIDDEN, reason };
}

export class HttpDestination implements Destination {
  readonly url: string;
  readonly #settings: HttpSettings;
  readonly #serializer: TraceSerializer;
  #agent: Agent | null = null;

  constructor(protocol: Exclude<OtlpProtocol, "grpc">, options: DestinationOptions) {
    const { require } = loadOtlpPackage(protocol);
    const transformer = require("@opentelemetry/otlp-transformer") as OfficialTransformer;
    const official = require("@opentelemetry/otlp-exporter-base/node-http") as OfficialHttp;
    const isJson = protocol === "http/json";
    this.#serializer = isJson
      ? transformer.JsonTraceSerializer
      : transformer.ProtobufTraceSerializer;
    const config = {
      ...(options.endpoint === undefined ? {} : { url: tracesUrl(options.endpoint) }),
      ...(options.headers === undefined ? {} : { headers: options.headers }),
    };
    this.#settings = official.convertLegacyHttpOptions(config, "TRACES", TRACES_PATH, {
      "Content-Type": isJson ? "application/json" : "application/x-protobuf",
    });
    const { url } = this.#settings;
    const { protocol: scheme } = new URL(url);
    if (!/^https?:$/.test(scheme)) {
      throw new Error(
        `OTLP over ${protocol} needs an endpoint like http://localhost:4318, and this one begins with ${scheme}`,
      );
    }
    this.url = publicUrl(url);
  }

  async send(spans: ReadableSpan[]): Promise<Answer> {
    const body = this.#serializer.serializeRequest(spans) ?? new Uint8Array();
    const aborter = new AbortController();
    const timer = setTimeout(() => aborter.abort(), this.#settings.timeoutMillis);
    try {
      const response = await this.#post(body, aborter.signal);
      return answerOf(response, this.#serializer, Date.now());
    } catch (error) {
      const reason = aborter.signal.aborted
        ? `no answer within ${this.#settings.timeoutMillis} ms`
        : shortReason(error instanceof Error ? error.message : String(error));
      return { kind: "later", afterMs: null, reason };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = null;
  }

  async #post(plainBody: Uint8Array, signal: AbortSignal): Promise<HttpResponse> {
    const { url, compression, agentFactory } = this.#settings;
    const { protocol } = new URL(url);
    this.#agent ??= await agentFactory(protocol);
    const headers: Record<string, string> = {
      "Accept-Encoding": "identity", // An answer is short, and nothing here unpacks one.
      ...(await this.#settings.headers()),
    };
    let body = plainBody;
    if (compression === "gzip") {
      body = await promisify(gzip)(body);
      headers["Content-Encoding"] = "gzip";
    }
    headers["Content-Length"] = String(body.length);
    const options = { method: "POST", headers, agent: this.#agent, signal };
    const request = protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve);
      request.on("error", reject);
      request.end(body);
    });
    return {
      status: response.statusCode ?? 0,
      retryAfter: response.headers["retry-after"],
      body: await readBody(response),
    };
  }
}
