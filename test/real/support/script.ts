/** What a scripted model says, by conversation: the words in which scenarios are written. */

/** Tokens of one response, as the API bills them. `thinkingTokens` are part of the output. */
export interface ServedUsage {
  inputTokens: number;
  cacheReadTokens: number;
  cacheCreation5mTokens: number;
  cacheCreation1hTokens: number;
  outputTokens: number;
  thinkingTokens: number;
}

export type Block =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "tool_use"; name: string; input: Record<string, unknown> };

export interface MessageReply {
  content: Block[];
  thinking?: boolean;
  usage?: Partial<ServedUsage>;
  stopReason?: string;
  /** Milliseconds between the first event and the rest. */
  delayMs?: number;
  /** The stream carries an error event in place of its end. */
  breaks?: boolean;
}

/** An HTTP error in place of a message. */
export interface ErrorReply {
  status: number;
}

export type Reply = MessageReply | ErrorReply;

/** Conversation name → its replies in the order of requests; the last one repeats. */
export type Script = Readonly<Record<string, readonly Reply[]>>;

export const say = (text: string, changes: Partial<MessageReply> = {}): MessageReply => ({
  content: [{ type: "text", text }],
  ...changes,
});

export const fail = (status: number): ErrorReply => ({ status });

export interface ToolCall {
  name: string;
  input: Record<string, unknown>;
}

/** One message that calls all of these tools. */
export const call = (...tools: ToolCall[]): MessageReply => ({
  content: [
    { type: "text", text: "Calling tools." },
    ...tools.map((tool): Block => ({ type: "tool_use", ...tool })),
  ],
});

export const bash = (command: string): ToolCall => ({
  name: "Bash",
  input: { command, description: "a scripted command" },
});

/** A subagent whose conversation in the script is `conversation`. */
export const agent = (conversation: string, inBackground = false): ToolCall => ({
  name: "Agent",
  input: {
    description: `Do ${conversation}`,
    prompt: `[[${conversation}]] Do it.`,
    subagent_type: "general-purpose",
    run_in_background: inBackground,
  },
});

export function stopReasonOf(reply: MessageReply): string {
  const callsTool = reply.content.some((block) => block.type === "tool_use");
  return reply.stopReason ?? (callsTool ? "tool_use" : "end_turn");
}
