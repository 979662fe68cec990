/**
 * OTLP over gRPC. Settings and encoding are the official packages'; the call is made here, because
 * their exporter keeps a partial success to itself.
 */
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { loadOtlpPackage } from "../otlp.ts";
import {
  type Answer,
  acceptedAnswer,
  type Destination,
  type DestinationOptions,
  shortReason,
  type TraceSerializer,
} from "./destination.ts";
import { grpcRetryDelayMs } from "./grpc-retry-info.ts";

interface Metadata {
  set(key: string, value: string): void;
  get(key: string): (string | Buffer)[];
}

interface ServiceError {
  code: number;
  details: string;
  metadata: Metadata;
}

interface GrpcClient {
  makeUnaryRequest(
    path: string,
    serialize: (body: Buffer) => Buffer,
    deserialize: (body: Buffer) => Buffer,
    body: Buffer,
    metadata: Metadata,
    options: { deadline: number },
    callback: (error: ServiceError | null, body?: Buffer) => void,
  ): void;
  close(): void;
}

interface GrpcPackage {
  Client: new (address: string, credentials: unknown, options: object) => GrpcClient;
  Metadata: new () => Metadata;
}

interface GrpcSettings {
  url: string;
  metadata: () => Metadata;
  credentials: () => unknown;
  timeoutMillis: number;
  compression: "none" | "gzip";
}

interface OfficialGrpc {
  convertLegacyOtlpGrpcOptions(
    config: { url?: string; metadata?: Metadata },
    signal: string,
  ): GrpcSettings;
}

const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/** Values of `grpc.default_compression_algorithm`. */
const COMPRESSION = { none: 0, gzip: 2 } as const;
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
/** Retryable in the OTLP specification: cancelled, deadline, aborted, out of range, unavailable, data loss. */
const RETRYABLE_CODES = new Set([1, 4, 10, 11, 14, 15]);
/** Unimplemented, unauthenticated: the address is wrong, or the key, and nothing is said of the spans. */
const MISDIRECTED_CODES = new Set([12, 16]);

const identity = (body: Buffer): Buffer => body;

function errorAnswer({ code, details, metadata }: ServiceError): Answer {
  const reason = shortReason(`gRPC ${code} ${details}`);
  const [status] = metadata?.get("grpc-status-details-bin") ?? [];
  const afterMs = status instanceof Uint8Array ? grpcRetryDelayMs(status) : null;
  // An exhausted resource comes back only where the server says when; else the request is too large.
  const isLater =
    RETRYABLE_CODES.has(code) ||
    MISDIRECTED_CODES.has(code) ||
    (code === RESOURCE_EXHAUSTED && afterMs !== null);
  if (isLater) return { kind: "later", afterMs, reason };
  const blamesSpans = code === INVALID_ARGUMENT || code === RESOURCE_EXHAUSTED;
  return { kind: "refused", blamesSpans, reason };
}

export class GrpcDestination implements Destination {
  readonly url: string;
  readonly #settings: GrpcSettings;
  readonly #serializer: TraceSerializer;
  readonly #client: GrpcClient;

  constructor({ endpoint, headers }: DestinationOptions) {
    const { require } = loadOtlpPackage("grpc");
    const transformer = require("@opentelemetry/otlp-transformer");
    const base = "@opentelemetry/otlp-grpc-exporter-base";
    const official = require(base) as OfficialGrpc;
    const grpc = require("@grpc/grpc-js") as GrpcPackage;
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(headers ?? {})) metadata.set(name, value);
    const url = endpoint === undefined ? {} : { url: endpoint };
    this.#serializer = (
      transformer as { ProtobufTraceSerializer: TraceSerializer }
    ).ProtobufTraceSerializer;
    this.#settings = official.convertLegacyOtlpGrpcOptions({ ...url, metadata }, "TRACES");
    this.#client = new grpc.Client(this.#settings.url, this.#settings.credentials(), {
      "grpc.default_compression_algorithm": COMPRESSION[this.#settings.compression],
    });
    this.url = `grpc://${this.#settings.url}`;
  }

  async send(spans: ReadableSpan[]): Promise<Answer> {
    const { metadata, timeoutMillis } = this.#settings;
    const body = Buffer.from(this.#serializer.serializeRequest(spans) ?? []);
    return new Promise((resolve) => {
      const options = { deadline: Date.now() + timeoutMillis };
      const done = (error: ServiceError | null, response?: Buffer): void =>
        resolve(
          error
            ? errorAnswer(error)
            : acceptedAnswer(this.#serializer, response ?? Buffer.alloc(0)),
        );
      this.#client.makeUnaryRequest(
        EXPORT_PATH,
        identity,
        identity,
        body,
        metadata(),
        options,
        done,
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
