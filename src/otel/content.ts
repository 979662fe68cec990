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
  /** Bytes of UTF-8 kept of one text, at least 1. @default 16384 */
  maxContentBytes?: number | undefined;
}

const DEFAULT_MAX_CONTENT_BYTES = 16_384;

export interface Content {
  /** A text as it may be recorded, or undefined where it may not. */
  capture(value: unknown, kind: ContentKind): string | undefined;
  /** Captured texts as one, which is no longer than one; undefined where there are none. */
  join(texts: readonly string[]): string | undefined;
}

/** @throws {TypeError} where `maxContentBytes` is no size. */
export function contentOf(options: ContentOptions): Content {
  const { captureContent, redact, maxContentBytes = DEFAULT_MAX_CONTENT_BYTES } = options;
  if (!Number.isSafeInteger(maxContentBytes) || maxContentBytes < 1) {
    throw new TypeError(
      `instrumentQuery: maxContentBytes is ${String(maxContentBytes)}; it must be a whole number of bytes, at least 1.`,
    );
  }
  return {
    capture(value, kind) {
      if (captureContent !== true) return undefined;
      const text = typeof value === "string" ? value : jsonOf(value);
      if (text === undefined) return undefined;
      try {
        const shown = redact === undefined ? text : textOf(redact(text, kind));
        return shown === undefined ? undefined : truncateUtf8(shown, maxContentBytes);
      } catch {
        return undefined;
      }
    },
    join: (texts) =>
      texts.length === 0 ? undefined : truncateUtf8(texts.join("\n"), maxContentBytes),
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
