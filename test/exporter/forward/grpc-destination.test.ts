import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { Answer } from "../../../src/exporter/forward/destination.ts";
import { GrpcDestination } from "../../../src/exporter/forward/grpc-destination.ts";
import { grpcRetryDelayMs } from "../../../src/exporter/forward/grpc-retry-info.ts";
import { ReplayedSpanReader } from "../../../src/exporter/replayed-span.ts";
import { type GrpcServer, startGrpcServer } from "../../support/grpc-server.ts";
import { spanRow } from "../../support/span-rows.ts";

const spans = [new ReplayedSpanReader().span(spanRow({ name: "work" }))];
const TIMEOUT_VARIABLE = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";

let server: GrpcServer;
let destination: GrpcDestination;
beforeEach(async () => {
  process.env[TIMEOUT_VARIABLE] = "300";
  server = await startGrpcServer();
  destination = new GrpcDestination({ endpoint: server.url, headers: { "x-key": "k" } });
});
afterEach(() => {
  delete process.env[TIMEOUT_VARIABLE];
  destination.close();
  server.close();
});

/** A length-delimited protobuf field of a short message. */
const bytesField = (number: number, bytes: Uint8Array | number[]): number[] => [
  number * 8 + 2,
  bytes.length,
  ...bytes,
];
const textField = (number: number, text: string): number[] => bytesField(number, Buffer.from(text));

/** `google.rpc.Status` with a `RetryInfo` of 2.5 s behind a detail of another kind. */
const STATUS_WITH_RETRY = new Uint8Array([
  ...[8, 14],
  ...textField(2, "busy"),
  ...bytesField(3, textField(1, "type.googleapis.com/google.rpc.Other")),
  ...bytesField(3, [
    ...textField(1, "type.googleapis.com/google.rpc.RetryInfo"),
    ...bytesField(2, bytesField(1, [8, 2, 16, 128, 202, 181, 238, 1])),
  ]),
]);

test("a request carries the spans, as the official exporter encodes them, and the headers", async () => {
  expect(await destination.send(spans)).toEqual({
    kind: "accepted",
    rejectedSpans: 0,
    reason: "",
  });
  const encoded = Buffer.from(ProtobufTraceSerializer.serializeRequest(spans) ?? []);
  expect(server.requests[0]?.equals(encoded)).toBe(true);
  expect(server.headers[0]?.get("x-key")).toEqual(["k"]);
  expect(destination.url).toBe(server.url.replace("http:", "grpc:"));
});

describe("an answer", () => {
  test.each([1, 4, 10, 11, 14, 15])("of code %d means later", async (code) => {
    server.answer({ code, details: "busy" });
    expect(await destination.send(spans)).toEqual({
      kind: "later",
      afterMs: null,
      reason: `gRPC ${code} busy`,
    });
  });

  test("says when, where it has a RetryInfo; then an exhausted resource comes back too", async () => {
    server.answer({ code: 8, details: "slow down", status: STATUS_WITH_RETRY });
    expect(await destination.send(spans)).toEqual({
      kind: "later",
      afterMs: 2500,
      reason: "gRPC 8 slow down",
    });
  });

  test.each([12, 16])("of code %d says nothing of the spans, and is waited out", async (code) => {
    server.answer({ code, details: "who are you?" });
    expect(await destination.send(spans)).toMatchObject({ kind: "later", afterMs: null });
  });

  test.each([
    [3, true],
    [8, true],
    [2, false],
    [7, false],
    [13, false],
  ])("of code %d is a refusal; that it blames the spans is %p", async (code, blamesSpans) => {
    server.answer({ code, details: "no" });
    const reason = `gRPC ${code} no`;
    expect(await destination.send(spans)).toEqual({ kind: "refused", blamesSpans, reason });
  });

  test("of partial success says how many spans it left out", async () => {
    const body = new Uint8Array(bytesField(1, [8, 2, ...textField(2, "too old")]));
    server.answer({ code: 0, body });
    expect(await destination.send(spans)).toEqual({
      kind: "accepted",
      rejectedSpans: 2,
      reason: "too old",
    });
  });

  test("from nobody, because nobody listens, means later; once somebody does, it is taken", async () => {
    const port = Number(new URL(server.url).port);
    expect(await destination.send(spans)).toMatchObject({ kind: "accepted" });
    server.close();
    expect(await destination.send(spans)).toMatchObject({ kind: "later", afterMs: null });
    server = await startGrpcServer(undefined, port);
    let answer: Answer = { kind: "later", afterMs: null, reason: "" };
    for (let tries = 0; tries < 200 && answer.kind === "later"; tries++) {
      answer = await destination.send(spans);
      if (answer.kind === "later") await Bun.sleep(20);
    }
    expect(answer).toMatchObject({ kind: "accepted" });
  });

  test("that never comes means later, once the timeout is over", async () => {
    server.answer("hang");
    expect(await destination.send(spans)).toMatchObject({ kind: "later", afterMs: null });
  });
});

describe("the delay in a status' details", () => {
  test("is null without a RetryInfo, and in whatever is no status", () => {
    expect(grpcRetryDelayMs(new Uint8Array())).toBeNull();
    expect(grpcRetryDelayMs(new Uint8Array([8, 14, ...textField(2, "busy")]))).toBeNull();
    expect(grpcRetryDelayMs(STATUS_WITH_RETRY.subarray(0, 40))).toBeNull();
    expect(grpcRetryDelayMs(new Uint8Array(1000).fill(255))).toBeNull();
  });

  test("is 0 where the RetryInfo names none", () => {
    const info = textField(1, "type.googleapis.com/google.rpc.RetryInfo");
    expect(grpcRetryDelayMs(new Uint8Array(bytesField(3, info)))).toBe(0);
  });
});
