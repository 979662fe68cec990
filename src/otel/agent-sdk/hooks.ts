/** Adds listening hooks of ours beside the host's own: the true times of tools and subagents. */
import { type Fields, fieldsOf } from "../values.ts";

const EVENTS = ["PreToolUse", "PostToolUse", "PostToolUseFailure", "SubagentStop"];

/**
 * The same parameters with our hooks after the host's. The host's objects and arrays stay as they
 * are. So do parameters of another shape, which get no hooks: a copy of an object with a prototype
 * of its own would lack what it inherits.
 */
export function withHooks(params: unknown, listen: (input: unknown) => void): unknown {
  const query = plainFieldsOf(params);
  if (query === undefined) return params;
  const options = query["options"] === undefined ? {} : plainFieldsOf(query["options"]);
  const hooks = options?.["hooks"] === undefined ? {} : plainFieldsOf(options["hooks"]);
  if (options === undefined || hooks === undefined) return params;
  return { ...query, options: { ...options, hooks: merged(hooks, listen) } };
}

function plainFieldsOf(value: unknown): Fields | undefined {
  const fields = fieldsOf(value);
  const prototype: unknown = fields && Object.getPrototypeOf(fields);
  return prototype === Object.prototype || prototype === null ? fields : undefined;
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
