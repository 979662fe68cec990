import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { HttpDestination, retryAfterMs } from "../../../src/exporter/forward/http-destination.ts";
import { ReplayedSpanReader } from "../../../src/exporter/replayed-span.ts";
import { OK, type OtlpServer, startOtlpServer } from "../../support/otlp-server.ts";
import { NOW_MS, spanRow } from "../../support/span-rows.ts";

const spans: ReadableSpan[] = [new ReplayedSpanReader().span(spanRow({ name: "work" }))];
const TIMEOUT_VARIABLE = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";

let server: OtlpServer;
let destination: HttpDestination;
beforeEach(() => {
  process.env[TIMEOUT_VARIABLE] = "300";
  server = startOtlpServer();
  destination = new HttpDestination("http/json", {
    endpoint: server.url,
    headers: { "x-key": "k" },
  });
});
afterEach(async () => {
  delete process.env[TIMEOUT_VARIABLE];
  destination.close();
  await server.close();
});

describe("a request", () => {
  test("goes to /v1/traces with the headers asked for and those of the environment", async () => {
    process.env["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=Bearer%20t";
    const both = new HttpDestination("http/json", {
      endpoint: `${server.url}/v1/traces`,
      headers: { "x-key": "k" },
    });
    delete process.env["OTEL_EXPORTER_OTLP_HEADERS"];
    expect(await both.send(spans)).toEqual({ kind: "accepted", rejectedSpans: 0, reason: "" });
    both.close();
    const [request] = server.requests;
    expect(request?.path).toBe("/v1/traces");
    expect(request?.names).toEqual(["work"]);
    expect(request?.headers.get("authorization")).toBe("Bearer t");
    expect(request?.headers.get("x-key")).toBe("k");
    expect(request?.headers.get("content-type")).toBe("application/json");
  });

  test("is compressed where the environment says so", async () => {
    process.env["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip";
    const compressing = new HttpDestination("http/json", { endpoint: server.url });
    delete process.env["OTEL_EXPORTER_OTLP_COMPRESSION"];
    await compressing.send(spans);
    compressing.close();
    expect(server.requests[0]?.headers.get("content-encoding")).toBe("gzip");
    expect(server.requests[0]?.names).toEqual(["work"]);
  });

  test("asks for an answer as it is: a compressed one could not be read", async () => {
    await destination.send(spans);
    expect(server.requests[0]?.headers.get("accept-encoding")).toBe("identity");
  });

  test("without spans is valid and arrives", async () => {
    expect(await destination.send([])).toMatchObject({ kind: "accepted" });
    expect(server.requests[0]?.names).toEqual([]);
  });

  test.each(["", "/", "/v1/traces", "/v1/traces/", "//"])(
    "to an endpoint that ends in %p is the same",
    (end) => {
      const same = new HttpDestination("http/json", { endpoint: `http://127.0.0.1:4318${end}` });
      expect(same.url).toBe("http://127.0.0.1:4318/v1/traces");
      same.close();
    },
  );

  test("is named by its address, never by what may be secret in it", () => {
    const secret = new HttpDestination("http/json", {
      endpoint: "http://user:password@127.0.0.1:4318/base?token=t",
    });
    expect(secret.url).toBe("http://127.0.0.1:4318/base/v1/traces");
    secret.close();
  });
});

describe("an answer", () => {
  test.each([429, 502, 503, 504])("of %d means later, and when", async (status) => {
    server.behave(() => ({ status, headers: { "Retry-After": "90" }, body: "busy" }));
    expect(await destination.send(spans)).toEqual({
      kind: "later",
      afterMs: 90_000,
      reason: `HTTP ${status} busy`,
    });
  });

  test.each([401, 402, 404, 405, 407])(
    "of %d says nothing of the spans: the address or the key is to be put right",
    async (status) => {
      server.behave(() => ({ status, body: "who are you?" }));
      expect(await destination.send(spans)).toEqual({
        kind: "later",
        afterMs: null,
        reason: `HTTP ${status} who are you?`,
      });
    },
  );

  test.each([
    [400, true],
    [413, true],
    [422, true],
    [403, false],
    [500, false],
    [501, false],
  ])(
    "of %d is a refusal in its own words; that it blames the spans is %p",
    async (status, blamesSpans) => {
      server.behave(() => ({ status, body: "no\n\tsuch   thing" }));
      const reason = `HTTP ${status} no such thing`;
      expect(await destination.send(spans)).toEqual({ kind: "refused", blamesSpans, reason });
    },
  );

  test("of partial success says how many spans it left out", async () => {
    server.behave(() => ({
      status: 200,
      body: { partialSuccess: { rejectedSpans: "2", errorMessage: "too old" } },
    }));
    expect(await destination.send(spans)).toEqual({
      kind: "accepted",
      rejectedSpans: 2,
      reason: "too old",
    });
  });

  test.each([
    [{ rejectedSpans: 2 }, { rejectedSpans: 2, reason: "no reason given" }],
    [{ errorMessage: "be careful" }, { rejectedSpans: 0, reason: "be careful" }],
    [
      { rejectedSpans: 1.5, errorMessage: "half of it" },
      { rejectedSpans: 1, reason: "half of it" },
    ],
    [{ rejectedSpans: -3 }, { rejectedSpans: 0, reason: "" }],
    [{ rejectedSpans: "many" }, { rejectedSpans: 0, reason: "" }],
    [{}, { rejectedSpans: 0, reason: "" }],
  ])("of partial success may lack anything: %p", async (partialSuccess, expected) => {
    server.behave(() => ({ status: 200, body: { partialSuccess } }));
    expect(await destination.send(spans)).toEqual({ kind: "accepted", ...expected });
  });

  test("that nobody can read is still a success", async () => {
    server.behave(() => ({ status: 200, body: "thanks!" }));
    expect(await destination.send(spans)).toMatchObject({ kind: "accepted", rejectedSpans: 0 });
  });

  test.each(["<!doctype html><title>Sign in</title>", "\n<HTML lang=en></HTML>"])(
    "that is a web page is no success, whatever its status: %p",
    async (body) => {
      server.behave(() => ({ status: 200, headers: { "Content-Type": "text/html" }, body }));
      expect(await destination.send(spans)).toEqual({
        kind: "later",
        afterMs: null,
        reason: "HTTP 200 with a web page: no OTLP receiver answers there",
      });
    },
  );

  test.each([301, 307])(
    "of %d is not followed: no span goes where nobody sent it",
    async (status) => {
      const elsewhere = startOtlpServer();
      server.behave(() => ({ status, headers: { Location: elsewhere.url } }));
      const reason = `HTTP ${status}`;
      expect(await destination.send(spans)).toEqual({ kind: "later", afterMs: null, reason });
      expect(elsewhere.requests).toEqual([]);
      await elsewhere.close();
    },
  );

  test("without end is read no further than it takes, and is what its status says", async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024 * 1024).fill(120));
      },
    });
    server.behave(() => ({ status: 400, body: endless }));
    const answer = await destination.send(spans);
    expect(answer.kind).toBe("refused");
    expect(answer.reason).toStartWith("HTTP 400 xxx");
    expect(answer.reason.length).toBeLessThan(400);
    expect(pulled).toBeLessThan(100);
  });

  test("that trickles means later, once the timeout is over", async () => {
    const trickle = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await Bun.sleep(20);
        controller.enqueue(new Uint8Array([32]));
      },
    });
    server.behave(() => ({ status: 200, body: trickle }));
    expect(await destination.send(spans)).toMatchObject({
      kind: "later",
      reason: "no answer within 300 ms",
    });
  });

  test("that never comes means later, once the timeout is over", async () => {
    server.behave(() => "hang");
    expect(await destination.send(spans)).toEqual({
      kind: "later",
      afterMs: null,
      reason: "no answer within 300 ms",
    });
  });

  test("cut off by a reset means later", async () => {
    server.behave(() => "reset");
    expect(await destination.send(spans)).toMatchObject({ kind: "later", afterMs: null });
  });

  test("from nobody, because nobody listens, means later; the next one is tried afresh", async () => {
    const port = Number(new URL(server.url).port);
    await server.close();
    expect(await destination.send(spans)).toMatchObject({ kind: "later", afterMs: null });
    server = startOtlpServer(port);
    server.behave(() => OK);
    expect(await destination.send(spans)).toMatchObject({ kind: "accepted" });
  });
});

test("Retry-After is read as seconds and as a date, and is never in the past", () => {
  expect(retryAfterMs("120", NOW_MS)).toBe(120_000);
  expect(retryAfterMs(new Date(NOW_MS + 30_000).toUTCString(), NOW_MS)).toBe(30_000);
  expect(retryAfterMs(new Date(NOW_MS - 30_000).toUTCString(), NOW_MS)).toBe(0);
  expect(retryAfterMs("-5", NOW_MS)).toBe(0);
  expect(retryAfterMs("soon", NOW_MS)).toBeNull();
  expect(retryAfterMs(undefined, NOW_MS)).toBeNull();
});
