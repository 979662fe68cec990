/** What a query function may return: a Query object, or something else that the host gets as well. */
import { expect, test } from "bun:test";
import { instrumentQuery } from "../../../src/otel/agent-sdk/instrument-query.ts";
import { drain } from "../../support/drain.ts";
import { recordSpans } from "../../support/recording-tracer.ts";
import { readTranscript, replayQuery, type SdkMessage } from "../../support/replay-query.ts";

async function* yielding(messages: readonly unknown[]): AsyncGenerator<SdkMessage> {
  for (const message of messages) yield message as SdkMessage;
}

test("a promise of a query is a promise of the same query, observed", async () => {
  const recording = recordSpans();
  const replayed = replayQuery(readTranscript("bash"));
  const query = instrumentQuery(recording.tracer, async (_: object) => replayed({ prompt: "go" }));
  const messages = await query({});
  await messages.interrupt();
  expect(messages.calls).toEqual([["interrupt"]]);
  await drain(messages);
  expect(recording.executions()[0]?.attributes["spanledger.cost.usd"]).toBe(0.0093294);
  expect(recording.endings().every((times) => times === 1)).toBe(true);
});

test("a query that rejects when it is called rejects with the same error", async () => {
  const recording = recordSpans();
  const error = new TypeError("not today");
  const query = instrumentQuery(recording.tracer, (_: object) => Promise.reject(error));
  expect(await query({}).catch((thrown: unknown) => thrown)).toBe(error);
  expect(recording.executions()[0]?.attributes["error.type"]).toBe("TypeError");
  expect(recording.endings()).toEqual([1]);
});

test("what is no iterator is handed on, and its span ends", () => {
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, (_: object) => ({ answer: 42 }));
  expect(query({})).toEqual({ answer: 42 });
  expect(recording.endings()).toEqual([1]);
});

test("an iterable that is no iterator is followed as well", async () => {
  const recording = recordSpans();
  const { messages } = readTranscript("simple");
  const query = instrumentQuery(recording.tracer, (_: object) => ({
    [Symbol.asyncIterator]: () => yielding(messages),
  }));
  for await (const _ of query({}));
  expect(recording.executions()[0]?.attributes["spanledger.cost.usd"]).toBe(0.007791);
  expect(recording.endings()).toEqual([1, 1]);
});

test("synchronous messages are handed on, and no span waits for them", () => {
  const recording = recordSpans();
  const { messages } = readTranscript("simple");
  const query = instrumentQuery(recording.tracer, (_: object) => messages.values());
  expect([...query({})]).toEqual(messages);
  expect(recording.endings()).toEqual([1]);
});

test("a member of the Query object that cannot be read keeps nothing else from the host", async () => {
  const recording = recordSpans();
  const trap = new Error("trap");
  const errors: unknown[] = [];
  const { messages } = readTranscript("simple");
  const trapped = (): AsyncGenerator<SdkMessage> =>
    Object.defineProperty(yielding(messages), "close", {
      get() {
        throw trap;
      },
    });
  const query = instrumentQuery(recording.tracer, (_: object) => trapped(), {
    onError: (error) => errors.push(error),
  });
  const received: SdkMessage[] = [];
  for await (const message of query({})) received.push(message);
  expect(received).toEqual(messages);
  expect(errors).toEqual([trap]);
  expect(recording.executions()[0]?.attributes["spanledger.cost.usd"]).toBe(0.007791);
  expect(recording.endings()).toEqual([1, 1]);
});
