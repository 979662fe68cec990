/**
 * A host that owns its OpenTelemetry SDK: spanledger is one span processor in its provider, beside
 * whatever else it exports to. With NodeSDK: `new NodeSDK({ spanProcessors: [sqliteSpanProcessor()] })`.
 */
import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { sqliteSpanProcessor } from "spanledger";

context.setGlobalContextManager(new AsyncLocalStorageContextManager());
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "own-sdk" }),
  spanProcessors: [sqliteSpanProcessor({ retentionDays: 30 })],
});
trace.setGlobalTracerProvider(provider);

const tracer = trace.getTracer("assistant");

/** A model call as the GenAI conventions describe one: usage on a span is all that a price needs. */
async function chat(): Promise<void> {
  await tracer.startActiveSpan("chat gpt-4o", async (span) => {
    try {
      await Bun.sleep(5);
      span.setAttributes({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 300,
      });
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

await tracer.startActiveSpan("invoke_agent assistant", async (span) => {
  span.setAttribute("gen_ai.operation.name", "invoke_agent");
  span.setAttribute("gen_ai.agent.name", "assistant");
  await chat();
  span.end();
});
await provider.shutdown();
