/** Recorded runs of the Agent SDK as a function with the signature of its `query`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type SdkMessage = Record<string, unknown>;

export interface RecordedHook {
  event: string;
  toolUseId: string;
  /** Milliseconds after the query was called. */
  atMs: number;
  input: Record<string, unknown>;
}

export interface Transcript {
  messages: SdkMessage[];
  /** When each message arrived, in milliseconds after the query was called. */
  arrivalMs: number[];
  hooks: RecordedHook[];
  /** What the iterator threw after the last message. */
  error: Error | undefined;
}

export type HookCallback = (
  input: Record<string, unknown>,
  toolUseId: string | undefined,
  options: { signal: AbortSignal },
) => Promise<Record<string, unknown>>;

export interface QueryParams {
  prompt: string | AsyncIterable<unknown>;
  options?: {
    model?: string;
    resume?: string;
    forkSession?: boolean;
    hooks?: Record<string, { matcher?: string; hooks: HookCallback[] }[]>;
    [option: string]: unknown;
  };
}

const TRANSCRIPTS = join(import.meta.dirname, "..", "fixtures", "transcripts");

export function readTranscript(name: string, directory: string = TRANSCRIPTS): Transcript {
  const meta = JSON.parse(readFileSync(join(directory, `${name}.meta.json`), "utf8"));
  const hooks = existing(join(directory, `${name}.hooks.jsonl`)) ?? "";
  return {
    messages: lines(readFileSync(join(directory, `${name}.jsonl`), "utf8")),
    arrivalMs: meta.arrivalMs ?? [],
    hooks: lines(hooks).map((line) => ({
      event: String(line["ev"]),
      toolUseId: String(line["id"]),
      atMs: Number(line["t"]),
      input: line["input"] as Record<string, unknown>,
    })),
    error:
      meta.error === undefined
        ? undefined
        : Object.assign(new Error(meta.error.message), { errorClass: meta.error.errorClass }),
  };
}

/** The Query object of a replay: the generator, and methods that need their own `this`. */
export class ReplayedQuery implements AsyncGenerator<SdkMessage, void> {
  readonly calls: unknown[][] = [];
  readonly #messages: AsyncGenerator<SdkMessage, void>;

  constructor(messages: AsyncGenerator<SdkMessage, void>) {
    this.#messages = messages;
  }

  next(): Promise<IteratorResult<SdkMessage, void>> {
    return this.#messages.next();
  }

  return(): Promise<IteratorResult<SdkMessage, void>> {
    return this.#messages.return(undefined);
  }

  throw(error: unknown): Promise<IteratorResult<SdkMessage, void>> {
    return this.#messages.throw(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#messages.return(undefined);
  }

  async interrupt(): Promise<void> {
    this.#record("interrupt");
  }

  async setModel(model?: string): Promise<void> {
    this.#record("setModel", model);
  }

  async streamInput(stream: AsyncIterable<unknown>): Promise<void> {
    for await (const message of stream) this.#record("streamInput", message);
  }

  #record(...call: unknown[]): void {
    this.calls.push(call);
  }
}

/** A `query` that yields the recorded messages at once and calls the hooks where they were called. */
export function replayQuery(transcript: Transcript): (params: QueryParams) => ReplayedQuery {
  return (params) => new ReplayedQuery(replay(transcript, params));
}

async function* replay(transcript: Transcript, params: QueryParams): AsyncGenerator<SdkMessage> {
  const hooks = [...transcript.hooks];
  for (const [i, message] of transcript.messages.entries()) {
    const arrivalMs = transcript.arrivalMs[i] ?? Number.POSITIVE_INFINITY;
    while (hooks[0] !== undefined && hooks[0].atMs < arrivalMs) {
      await callHook(hooks.shift() as RecordedHook, params);
    }
    yield structuredClone(message);
  }
  if (transcript.error !== undefined) throw transcript.error;
}

async function callHook(hook: RecordedHook, params: QueryParams): Promise<void> {
  const toolName = String(hook.input["tool_name"] ?? "");
  const { signal } = new AbortController();
  for (const { matcher, hooks } of params.options?.hooks?.[hook.event] ?? []) {
    if (matcher !== undefined && !new RegExp(`^(?:${matcher})$`).test(toolName)) continue;
    for (const callback of hooks) {
      await callback(structuredClone(hook.input), hook.toolUseId, { signal });
    }
  }
}

function lines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

function existing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
