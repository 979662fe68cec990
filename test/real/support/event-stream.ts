/** One scripted message as the server-sent events of the Messages API. */
import { type Block, type MessageReply, type ServedUsage, stopReasonOf } from "./script.ts";

export interface StreamedMessage {
  responseId: string;
  model: string;
  reply: MessageReply;
  usage: ServedUsage;
}

type WireBlock = Block & { id?: string };

/** Content with the ids that the API gives to tool calls: unique, whatever the script repeats. */
export function wireContent(responseId: string, content: readonly Block[]): WireBlock[] {
  return content.map((block, index) =>
    block.type === "tool_use" ? { ...block, id: `toolu_${responseId}_${index}` } : block,
  );
}

/** Usage as the API spells it. */
export function wireUsage(usage: ServedUsage, outputTokens: number): Record<string, unknown> {
  return {
    input_tokens: usage.inputTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation_input_tokens: usage.cacheCreation5mTokens + usage.cacheCreation1hTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheCreation5mTokens,
      ephemeral_1h_input_tokens: usage.cacheCreation1hTokens,
    },
    output_tokens: outputTokens,
    ...(usage.thinkingTokens > 0
      ? { output_tokens_details: { thinking_tokens: usage.thinkingTokens } }
      : {}),
    service_tier: "standard",
  };
}

type Event = { type: string } & Record<string, unknown>;

function blockEvents(block: WireBlock, index: number): Event[] {
  const start = (content_block: unknown): Event => ({
    type: "content_block_start",
    index,
    content_block,
  });
  const delta = (value: Record<string, unknown>): Event => ({
    type: "content_block_delta",
    index,
    delta: value,
  });
  const stop: Event = { type: "content_block_stop", index };
  switch (block.type) {
    case "text":
      return [
        start({ type: "text", text: "" }),
        delta({ type: "text_delta", text: block.text }),
        stop,
      ];
    case "thinking":
      return [
        start({ type: "thinking", thinking: "", signature: "" }),
        delta({ type: "thinking_delta", thinking: block.thinking }),
        delta({ type: "signature_delta", signature: block.signature }),
        stop,
      ];
    case "tool_use":
      return [
        start({ ...block, input: {} }),
        delta({ type: "input_json_delta", partial_json: JSON.stringify(block.input) }),
        stop,
      ];
  }
}

function firstEvents({ responseId, model, usage }: StreamedMessage): Event[] {
  const message = {
    id: responseId,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    // As the real API does: a placeholder of 1 until the end is known.
    usage: wireUsage({ ...usage, thinkingTokens: 0 }, 1),
  };
  return [{ type: "message_start", message }];
}

function lastEvents({ responseId, reply, usage }: StreamedMessage): Event[] {
  const blocks = wireContent(responseId, reply.content).flatMap(blockEvents);
  if (reply.breaks) {
    const error = { type: "overloaded_error", message: "scripted break" };
    return [...blocks.slice(0, 2), { type: "error", error }];
  }
  const delta = { stop_reason: stopReasonOf(reply), stop_sequence: null };
  return [
    ...blocks,
    { type: "message_delta", delta, usage: wireUsage(usage, usage.outputTokens) },
    { type: "message_stop" },
  ];
}

const encoder = new TextEncoder();

function encode(events: Event[]): Uint8Array {
  return encoder.encode(
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""),
  );
}

export function eventStream(
  message: StreamedMessage,
  onComplete: () => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(encode(firstEvents(message)));
      if (message.reply.delayMs) await Bun.sleep(message.reply.delayMs);
      try {
        controller.enqueue(encode(lastEvents(message)));
        controller.close();
        if (!message.reply.breaks) onComplete();
      } catch {
        // The client has gone: that is what aborting scenarios are about.
      }
    },
  });
}
