/** `@anthropic-ai/sdk` by itself: its spans are on wherever a tracer provider is global. */
import Anthropic from "@anthropic-ai/sdk";
import { ask } from "../support/anthropic-calls.ts";
import { emit } from "../support/emitter.ts";

await emit(({ anthropicUrl }) => ask(Anthropic, anthropicUrl));
