/** The emitters, and what each of them leaves unsaid of what was served. */
import type { ServedCall } from "./messages-api.ts";

export interface Emitter {
  name: string;
  /** The packages whose versions the recording names. */
  packages: readonly string[];
  /** Its traces are its own: an execution around its calls is not their parent. @default false */
  isApart?: boolean;
  /** What its spans can tell of the calls. @default everything but how long the cache keeps writes */
  tellable?: (calls: readonly ServedCall[]) => readonly ServedCall[];
}

/** The second of the three OpenAI calls is the streamed one. */
const notStreamed = (calls: readonly ServedCall[]): readonly ServedCall[] =>
  calls.filter((_call, index) => index !== 1);

const cacheAsInput = (calls: readonly ServedCall[]): readonly ServedCall[] =>
  calls.map((call) => {
    if (!call.usage) return call;
    const { inputTokens, cacheReadTokens } = call.usage;
    const usage = {
      ...call.usage,
      inputTokens: inputTokens + cacheReadTokens,
      cacheReadTokens: 0,
    };
    return { ...call, usage };
  });

const withoutCache = (calls: readonly ServedCall[]): readonly ServedCall[] =>
  calls.map((call) => {
    if (!call.usage) return call;
    const none = { cacheReadTokens: 0, cacheCreation5mTokens: 0, cacheCreation1hTokens: 0 };
    return { ...call, usage: { ...call.usage, ...none } };
  });

const withoutThoughts = (calls: readonly ServedCall[]): readonly ServedCall[] =>
  calls.map((call) => {
    if (!call.usage) return call;
    const { outputTokens, thinkingTokens } = call.usage;
    const usage = {
      ...call.usage,
      outputTokens: outputTokens - thinkingTokens,
      thinkingTokens: 0,
    };
    return { ...call, usage };
  });

/** Programs that send their spans themselves. */
export const CLAUDE_CODE: Emitter = {
  name: "claude-code",
  packages: ["@anthropic-ai/claude-agent-sdk"],
};
export const GEMINI_CLI: Emitter = {
  name: "gemini-cli",
  packages: ["@google/gemini-cli"],
  tellable: (calls) => cacheAsInput(withoutThoughts(calls)),
};

export const CODEX: Emitter = { name: "codex", packages: [] };

/** Its span stands beside the SDK's own, and only within an execution are the two in one trace. */
export const OPENLLMETRY_STREAM: Emitter = {
  name: "traceloop-anthropic-stream",
  packages: ["@traceloop/instrumentation-anthropic", "@anthropic-ai/sdk"],
};

export const EMITTERS: readonly Emitter[] = [
  { name: "anthropic-sdk", packages: ["@anthropic-ai/sdk"] },
  {
    name: "traceloop-anthropic",
    packages: ["@traceloop/instrumentation-anthropic", "@anthropic-ai/sdk"],
  },
  {
    name: "openinference-anthropic",
    packages: ["@arizeai/openinference-instrumentation-anthropic"],
  },
  { name: "vercel-ai-v5", packages: ["ai-v5", "ai-anthropic-v5"] },
  { name: "vercel-ai-v6", packages: ["ai-v6", "ai-anthropic-v6"] },
  { name: "vercel-ai-v7", packages: ["ai-v7", "@ai-sdk/otel"] },
  { name: "vercel-ai-v7-legacy", packages: ["ai-v7", "@ai-sdk/otel"] },
  { name: "vercel-ai-v5-google", packages: ["ai-v5", "ai-google-v5"] },
  { name: "vercel-ai-v6-google", packages: ["ai-v6", "ai-google-v6"] },
  { name: "vercel-ai-v7-google", packages: ["ai-v7", "@ai-sdk/otel", "ai-google-v7"] },
  {
    name: "opentelemetry-openai",
    packages: ["@opentelemetry/instrumentation-openai"],
    tellable: cacheAsInput,
  },
  {
    name: "traceloop-openai",
    packages: ["@traceloop/instrumentation-openai"],
    tellable: (calls) => cacheAsInput(notStreamed(calls)),
  },
  {
    name: "openinference-openai",
    packages: ["@arizeai/openinference-instrumentation-openai"],
    tellable: notStreamed,
  },
  {
    name: "openinference-openai-agents",
    packages: ["@arizeai/openinference-instrumentation-openai-agents", "@openai/agents"],
  },
  { name: "langfuse-openai", packages: ["@langfuse/openai"] },
  { name: "langsmith", packages: ["langsmith"] },
  { name: "sentry", packages: ["@sentry/node-core"] },
  { name: "google-adk", packages: ["@google/adk"] },
  { name: "mastra", packages: ["@mastra/otel-exporter", "@mastra/core"], isApart: true },
  {
    name: "openinference-claude-agent",
    packages: ["@arizeai/openinference-instrumentation-claude-agent-sdk"],
    tellable: withoutCache,
  },
];
