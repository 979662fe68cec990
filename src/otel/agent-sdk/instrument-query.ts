/** The Agent SDK's `query`, with its runs recorded beside it. */
import { context, type Tracer } from "@opentelemetry/api";
import { BoundedMap } from "../bounded-map.ts";
import { type Content, type ContentOptions, contentOf } from "../content.ts";
import type { Execution } from "../execution.ts";
import { guarded, type OnError } from "../guard.ts";
import { type Fields, fieldsOf, textOf } from "../values.ts";
import { Account, continuationOf, type SessionTotals } from "./account.ts";
import { withHooks } from "./hooks.ts";
import { observeQuery } from "./observe-query.ts";
import { QueryRun } from "./query-run.ts";

/** A function with the signature of the Agent SDK's `query`. */
export type QueryFunction = (params: never) => object;

/** Options of `instrumentQuery`. */
export interface InstrumentQueryOptions<Q extends QueryFunction = QueryFunction>
  extends ContentOptions {
  /** Says what a query is about, from what it was given. What it throws is logged. */
  describe?: ((params: Parameters<Q>[0]) => Partial<Execution>) | undefined;
  /**
   * Adds hooks of ours after the host's own, for the true durations of tools. Without them the
   * durations are those between messages. @default true
   */
  addHooks?: boolean | undefined;
  /** Told of errors in the recording itself, which never reach the host. @default OpenTelemetry's diag */
  onError?: OnError | undefined;
}

/** Queries that are instrumented already: twice would count everything twice. */
const instrumented = new WeakSet<object>();

/** How many sessions' totals are remembered for queries that resume them. */
const MAX_SESSIONS = 1000;

/**
 * Wraps the Agent SDK's `query`: it yields the same messages in the same order, keeps every method of
 * the Query object, and throws the same errors.
 *
 * Each result message becomes an `invoke_agent` span with what it alone added to the session's
 * tokens and dollars, and beneath it stand its API calls, tool calls and subagents. The span is
 * active while the query starts, so that the agent's own process can continue the trace. A query that
 * is instrumented already is returned as it is.
 *
 * @throws {TypeError} for an impossible option, and where `query` is no function.
 */
export function instrumentQuery<Q extends QueryFunction>(
  tracer: Tracer,
  query: Q,
  options: InstrumentQueryOptions<Q> = {},
): Q {
  if (typeof query !== "function") {
    throw new TypeError(
      `instrumentQuery: query is of type ${typeof query}; it must be a function, as the Agent SDK's is.`,
    );
  }
  if (instrumented.has(query)) return query;
  const { onError } = options;
  const content = contentOf(options);
  const sessions: SessionTotals = new BoundedMap(MAX_SESSIONS);
  const traced = new Proxy(query, {
    apply(target, self, args: [unknown, ...unknown[]]) {
      const [params, ...others] = args;
      const run = guarded(() => startRun(tracer, params, sessions, content, options), onError);
      if (run === undefined) return Reflect.apply(target, self, args);
      const hooked = guarded(() => hookedParams(params, run, options), onError) ?? params;
      const timedOut = (): boolean => guarded(() => abortedByTimeout(params), onError) === true;
      const call = (): unknown => Reflect.apply(target, self, [hooked, ...others]);
      let result: unknown;
      try {
        result = context.with(run.context, call);
      } catch (error) {
        guarded(() => run.fail(error, timedOut()), onError);
        throw error;
      }
      return observeQuery(result, run, timedOut, onError);
    },
  });
  instrumented.add(traced);
  return traced;
}

function startRun<Q extends QueryFunction>(
  tracer: Tracer,
  params: unknown,
  sessions: SessionTotals,
  content: Content,
  options: InstrumentQueryOptions<Q>,
): QueryRun {
  const query = optionsOf(params);
  const described = guarded(() => options.describe?.(params as Parameters<Q>[0]), options.onError);
  const execution: Execution = {
    ...described,
    name: textOf(described?.name) ?? textOf(query?.["agent"]) ?? DEFAULT_NAME,
    model: textOf(described?.model) ?? textOf(query?.["model"]),
  };
  return new QueryRun({
    source: {
      tracer,
      provider: textOf(execution.provider) ?? "anthropic",
      content,
      now: anchoredClock(),
    },
    execution,
    parent: context.active(),
    account: new Account(sessions, continuationOf(query)),
    prompt: fieldsOf(params)?.["prompt"],
  });
}

const DEFAULT_NAME = "claude";

function hookedParams(params: unknown, run: QueryRun, options: InstrumentQueryOptions): unknown {
  if (options.addHooks === false) return params;
  return withHooks(params, (input) => guarded(() => run.hook(input), options.onError));
}

function optionsOf(params: unknown): Fields | undefined {
  return fieldsOf(fieldsOf(params)?.["options"]);
}

/** Whether the host's abort was a timeout, as `AbortSignal.timeout` says it. */
function abortedByTimeout(params: unknown): boolean {
  const signal = fieldsOf(fieldsOf(optionsOf(params)?.["abortController"])?.["signal"]);
  return signal?.["aborted"] === true && fieldsOf(signal["reason"])?.["name"] === "TimeoutError";
}

/** Wall-clock time in milliseconds that never runs backwards within one run. */
function anchoredClock(): () => number {
  const startMs = Date.now() - performance.now();
  return () => startMs + performance.now();
}
