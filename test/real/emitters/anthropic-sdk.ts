/** `@anthropic-ai/sdk` by itself: its spans are on wherever a tracer provider is global. */
import Anthropic from "@anthropic-ai/sdk";
import { anthropicOptions, askAnthropic } from "../support/anthropic-calls.ts";
import { emit } from "../support/emitter.ts";

await emit(({ anthropicUrl }) => askAnthropic(new Anthropic(anthropicOptions(anthropicUrl))));
