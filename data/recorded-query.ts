/**
 * A stand-in for the Claude Agent SDK's `query` that replays a recorded run at its recorded pace:
 * the messages, the hooks the SDK would call, and the error it ended with.
 */
type Json = Record<string, unknown>;

interface RecordedLine {
  atMs: number;
  message?: Json;
  hook?: Json & { hook_event_name: string; tool_use_id?: string };
  error?: { message: string };
}

type HookCallback = (
  input: Json,
  toolUseId: string | undefined,
  options: { signal: AbortSignal },
) => Promise<unknown>;

export interface QueryParams {
  prompt: string;
  options?: Json & { hooks?: Record<string, { hooks: HookCallback[] }[]> };
}

/** What a host needs of the SDK's Query: the messages, and a way to interrupt. */
export interface RecordedQuery extends AsyncGenerator<Json, void> {
  interrupt(): Promise<void>;
}

async function callHooks(
  hook: NonNullable<RecordedLine["hook"]>,
  params: QueryParams,
): Promise<void> {
  const { signal } = new AbortController();
  for (const matcher of params.options?.hooks?.[hook.hook_event_name] ?? []) {
    for (const callback of matcher.hooks) await callback(hook, hook.tool_use_id, { signal });
  }
}

async function* play(
  lines: readonly RecordedLine[],
  params: QueryParams,
): AsyncGenerator<Json, void> {
  const startMs = performance.now();
  for (const { atMs, message, hook, error } of lines) {
    await Bun.sleep(Math.max(0, startMs + atMs - performance.now()));
    if (hook) await callHooks(hook, params);
    if (message) yield message;
    if (error) throw new Error(error.message);
  }
}

/** A `query` that replays the run recorded under `data/runs/{name}.jsonl`. */
export async function recordedQuery(name: string): Promise<(params: QueryParams) => RecordedQuery> {
  const text = await Bun.file(new URL(`./runs/${name}.jsonl`, import.meta.url)).text();
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as RecordedLine);
  return (params) => {
    const messages = play(lines, params);
    return Object.assign(messages, {
      interrupt: async () => {
        await messages.return();
      },
    });
  };
}
