/**
 * Mastra's tracing with its storage exporter. It has spans of its own, not OpenTelemetry's: each is given
 * the same name, and the same attributes where it has a place for them, else as its metadata.
 */
import { Mastra } from "@mastra/core";
import { type AnySpan, type ObservabilityExporter, SpanType } from "@mastra/core/observability";
import type { MastraCompositeStore } from "@mastra/core/storage";
import { Observability } from "@mastra/observability";
import manifest from "../package.json" with { type: "json" };
import type { PlannedRun, PlannedSpan } from "../runs.ts";
import type { Recorder, Steps } from "../way.ts";

export const { devDependencies: versions } = manifest;

type Attributes = PlannedSpan["attributes"];

/** What is known when a span starts, and what only at its end. */
interface MastraSpan {
  start: { type: SpanType; name: string; metadata: Attributes; attributes: object };
  end: { attributes: object };
}

function usage(attributes: Attributes): object {
  const { input, output, cacheRead, cacheWrite } = {
    input: Number(attributes["gen_ai.usage.input_tokens"]),
    output: Number(attributes["gen_ai.usage.output_tokens"]),
    cacheRead: attributes["gen_ai.usage.cache_read.input_tokens"],
    cacheWrite: attributes["gen_ai.usage.cache_creation.input_tokens"],
  };
  return { inputTokens: input, outputTokens: output, inputDetails: { cacheRead, cacheWrite } };
}

/** Those that have a place of their own are left out of the metadata. */
function without(attributes: Attributes, names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

function chat({ name, attributes }: PlannedSpan): MastraSpan {
  const placed = [
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
  ];
  const model = attributes["gen_ai.response.model"];
  const started = { model, provider: attributes["gen_ai.provider.name"] };
  const ended = { usage: usage(attributes), responseId: attributes["gen_ai.response.id"] };
  const metadata = without(attributes, placed);
  return {
    start: { type: SpanType.MODEL_GENERATION, name, metadata, attributes: started },
    end: { attributes: { ...ended, responseModel: model } },
  };
}

function tool({ name, attributes }: PlannedSpan): MastraSpan {
  const placed = ["gen_ai.operation.name", "gen_ai.tool.type", "gen_ai.tool.call.id"];
  const started = {
    toolType: attributes["gen_ai.tool.type"],
    toolCallId: attributes["gen_ai.tool.call.id"],
  };
  const metadata = without(attributes, placed);
  return {
    start: { type: SpanType.TOOL_CALL, name, metadata, attributes: started },
    end: { attributes: { success: true } },
  };
}

function agent({ name, attributes }: PlannedSpan): MastraSpan {
  const conversationId = attributes["gen_ai.conversation.id"];
  const metadata = without(attributes, ["gen_ai.operation.name", "gen_ai.conversation.id"]);
  return {
    start: { type: SpanType.AGENT_RUN, name, metadata, attributes: { conversationId } },
    end: { attributes: {} },
  };
}

const SHAPES = { executor: agent, agent, chat, tool };

function shaped(span: PlannedSpan): MastraSpan {
  return SHAPES[span.kind](span);
}

/** Mastra's types tie attributes to the type of a span; here both come from one of `SHAPES`. */
type Tracing = { startSpan(options: MastraSpan["start"]): AnySpan };
type Parent = { createChildSpan(options: MastraSpan["start"]): AnySpan };

function* lived(
  tracing: Tracing,
  outer: MastraSpan,
  inner: MastraSpan,
  steps: MastraSpan[],
): Steps {
  const executor = tracing.startSpan(outer.start);
  const agentSpan = (executor as unknown as Parent).createChildSpan(inner.start);
  for (const { start, end } of steps) {
    (agentSpan as unknown as Parent).createChildSpan(start).end(end);
    yield;
  }
  agentSpan.end(inner.end);
  yield;
  executor.end(outer.end);
  yield;
}

export async function mastraRecorder(
  storage: MastraCompositeStore,
  exporter: ObservabilityExporter,
): Promise<Recorder> {
  const mastra = new Mastra({
    storage,
    logger: false,
    observability: new Observability({
      configs: {
        default: { serviceName: "review-bot", exporters: [exporter] },
      },
    }),
  });
  const tracing = mastra.observability.getDefaultInstance();
  if (!tracing) throw new Error("Mastra has no tracing.");
  return {
    prepare({ executor, agent, steps }: PlannedRun) {
      const [outer, inner, rest] = [shaped(executor), shaped(agent), steps.map(shaped)];
      return () => lived(tracing as unknown as Tracing, outer, inner, rest);
    },
    flush: () => tracing.flush(),
    close: async () => {
      await tracing.flush();
      await mastra.shutdown();
    },
  };
}
