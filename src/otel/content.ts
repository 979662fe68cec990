/**
 * Prompts, completions, tool arguments and results: recorded only where the host asked for them,
 * after its redaction, and never more than a bounded part of each.
 */
import type { Attributes } from "@opentelemetry/api";
import { textOf, truncateUtf8 } from "./values.ts";

export type ContentKind = "prompt" | "completion" | "tool_arguments" | "tool_result";

export interface ContentOptions {
  /** Records prompts, completions, tool arguments and tool results. @default false */
  captureContent?: boolean | undefined;
  /** Rewrites a text before it is recorded; where it throws, nothing of that text is. */
  redact?: ((text: string, kind: ContentKind) => string) | undefined;
  /** Bytes of UTF-8 kept of one text. @default 16384 */
  maxContentBytes?: number | undefined;
}

const DEFAULT_MAX_CONTENT_BYTES = 16_384;

/** A text as it may be recorded, or undefined where it may not. */
export type Capture = (value: unknown, kind: ContentKind) => string | undefined;

export function captureOf(options: ContentOptions): Capture {
  if (options.captureContent !== true) return () => undefined;
  const { redact, maxContentBytes = DEFAULT_MAX_CONTENT_BYTES } = options;
  return (value, kind) => {
    const text = typeof value === "string" ? value : jsonOf(value);
    if (text === undefined) return undefined;
    try {
      const shown = redact === undefined ? text : textOf(redact(text, kind));
      return shown === undefined ? undefined : truncateUtf8(shown, maxContentBytes);
    } catch {
      return undefined;
    }
  };
}

/** One message in the form that the GenAI conventions give to input and output messages. */
export function messageAttribute(
  name: string,
  role: "user" | "assistant",
  text: string | undefined,
): Attributes {
  if (text === undefined) return {};
  return { [name]: JSON.stringify([{ role, parts: [{ type: "text", content: text }] }]) };
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
