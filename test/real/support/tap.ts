/** Hears every message at its source, so that what a wrapper hands on can be compared to it. */
import type { query, SDKMessage } from "@anthropic-ai/claude-agent-sdk";

export type Query = typeof query;

export interface Tap {
  query: Query;
  /** What the real query yielded, over all calls. */
  readonly yielded: SDKMessage[];
}

export function tap(real: Query): Tap {
  const yielded: SDKMessage[] = [];
  const tapped: Query = (parameters) => {
    const source = real(parameters);
    return new Proxy(source, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== "function") return value;
        if (key !== "next") return value.bind(target);
        return async () => {
          const step = await target.next();
          if (!step.done) yielded.push(step.value);
          return step;
        };
      },
    });
  };
  return { query: tapped, yielded };
}
