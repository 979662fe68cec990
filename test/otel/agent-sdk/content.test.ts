/** Content is recorded only where it was asked for, redacted and bounded. */
import { expect, test } from "bun:test";
import {
  type InstrumentQueryOptions,
  instrumentQuery,
} from "../../../src/otel/agent-sdk/instrument-query.ts";
import { drain } from "../../support/drain.ts";
import { recordSpans } from "../../support/recording-tracer.ts";
import { readTranscript, replayQuery } from "../../support/replay-query.ts";

async function contentOf(
  options: Pick<InstrumentQueryOptions, "captureContent" | "redact" | "maxContentBytes">,
) {
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, replayQuery(readTranscript("bash")), options);
  await drain(query({ prompt: "Please greet me." }));
  return recording
    .spans()
    .map((span) =>
      Object.fromEntries(
        Object.entries(span.attributes).filter(([key]) => /messages|arguments|result$/.test(key)),
      ),
    );
}

const ARGUMENTS = '{"command":"echo hello-from-bash","description":"Print a greeting"}';

test("without being asked for, no content is on any span, event or status", async () => {
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, replayQuery(readTranscript("bash")));
  await drain(query({ prompt: "Please greet me." }));
  const all = JSON.stringify(
    recording
      .spans()
      .map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
  );
  for (const content of ["greet", "echo", "hello-from-bash", "I will run"]) {
    expect(all).not.toContain(content);
  }
});

test("where asked for, prompts, answers, arguments and results are recorded", async () => {
  const message = (role: string, content: string): string =>
    JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
  const answer = message("assistant", "The command printed hello-from-bash.");
  expect(await contentOf({ captureContent: true })).toEqual([
    {
      "gen_ai.input.messages": message("user", "Please greet me."),
      "gen_ai.output.messages": answer,
    },
    { "gen_ai.output.messages": message("assistant", "I will run a command.") },
    {
      "gen_ai.tool.call.arguments": ARGUMENTS,
      "gen_ai.tool.call.result": "hello-from-bash",
    },
    { "gen_ai.output.messages": answer },
  ]);
});

test("each text is redacted before it is cut to its size", async () => {
  const kinds = new Set<string>();
  const spans = await contentOf({
    captureContent: true,
    maxContentBytes: 5,
    redact: (text, kind) => {
      kinds.add(kind);
      return text.replaceAll("hello", "[gone]");
    },
  });
  expect([...kinds].sort()).toEqual(["completion", "prompt", "tool_arguments", "tool_result"]);
  expect(spans[2]).toEqual({
    "gen_ai.tool.call.arguments": ARGUMENTS.slice(0, 5),
    "gen_ai.tool.call.result": "[gone",
  });
});

test("where the redaction throws, nothing of that text is recorded", async () => {
  const spans = await contentOf({
    captureContent: true,
    redact: () => {
      throw new Error("no redaction");
    },
  });
  expect(spans).toEqual([{}, {}, {}, {}]);
});

test("a text is never cut within a character", async () => {
  const spans = await contentOf({ captureContent: true, maxContentBytes: 3, redact: () => "aéé" });
  expect(spans[2]?.["gen_ai.tool.call.result"]).toBe("aé");
});

test("an answer of many blocks is no longer than one text", async () => {
  const recording = recordSpans();
  const block = { type: "text", text: "x".repeat(20) };
  const message = { type: "assistant", message: { id: "m", model: "m", content: [block, block] } };
  const query = instrumentQuery(
    recording.tracer,
    async function* (_: object) {
      for (let i = 0; i < 50; i++) yield message;
    },
    { captureContent: true, maxContentBytes: 30 },
  );
  await drain(query({}));
  const answer = recording.spans()[1]?.attributes["gen_ai.output.messages"];
  expect(JSON.parse(String(answer))[0].parts[0].content).toBe(
    `${"x".repeat(20)}\n${"x".repeat(9)}`,
  );
});

test.each([-1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
  "a size of %p bytes is refused at once",
  (maxContentBytes) => {
    const wrap = () =>
      instrumentQuery(recordSpans().tracer, replayQuery(readTranscript("bash")), {
        maxContentBytes,
      });
    expect(wrap).toThrow(
      `instrumentQuery: maxContentBytes is ${maxContentBytes}; it must be a whole number of bytes, at least 1.`,
    );
  },
);
