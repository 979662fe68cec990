/** Adds listening hooks of ours beside the host's own: the true times of tools and subagents. */
import { type Fields, fieldsOf } from "../values.ts";

const EVENTS = ["PreToolUse", "PostToolUse", "PostToolUseFailure", "SubagentStop"];

/**
 * The same parameters with our hooks after the host's. The host's objects and arrays stay as they
 * are, and so does a `hooks` whose shape is not known.
 */
export function withHooks(params: unknown, listen: (input: unknown) => void): unknown {
  const query = fieldsOf(params);
  if (query === undefined) return params;
  const options = query["options"] === undefined ? {} : fieldsOf(query["options"]);
  const hooks = options?.["hooks"] === undefined ? {} : fieldsOf(options["hooks"]);
  if (options === undefined || hooks === undefined) return params;
  return { ...query, options: { ...options, hooks: merged(hooks, listen) } };
}

function merged(hooks: Fields, listen: (input: unknown) => void): Fields {
  const ours = {
    hooks: [
      async (input: unknown): Promise<Fields> => {
        listen(input);
        return {};
      },
    ],
  };
  const result: Record<string, unknown> = { ...hooks };
  for (const event of EVENTS) {
    const theirs = hooks[event] ?? [];
    if (Array.isArray(theirs)) result[event] = [...theirs, ours];
  }
  return result;
}
