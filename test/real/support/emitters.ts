/** The emitters, and what each of them leaves unsaid of what was served. */
import type { ServedCall } from "./messages-api.ts";

export interface Emitter {
  name: string;
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

export const EMITTERS: readonly Emitter[] = [
  { name: "anthropic-sdk" },
  { name: "traceloop-anthropic" },
  { name: "openinference-anthropic" },
  { name: "vercel-ai-v5" },
  { name: "vercel-ai-v6" },
  { name: "vercel-ai-v7" },
  { name: "vercel-ai-v7-legacy" },
  { name: "opentelemetry-openai", tellable: cacheAsInput },
  { name: "traceloop-openai", tellable: (calls) => cacheAsInput(notStreamed(calls)) },
  { name: "openinference-openai", tellable: notStreamed },
  { name: "langfuse-openai" },
];
