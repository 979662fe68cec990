/** The Agent SDK's `query`, with a span for each of its results. */
import { context, type Tracer } from "@opentelemetry/api";
import { BoundedMap } from "../bounded-map.ts";
import type { Execution } from "../execution.ts";
import { guarded, type OnError } from "../guard.ts";
import { overlay } from "../overlay.ts";
import { type Fields, fieldsOf, textOf } from "../values.ts";
import { Account, continuationOf, type SessionTotals } from "./account.ts";
import { QueryRun } from "./query-run.ts";

/** A function with the signature of the Agent SDK's `query`. */
export type QueryFunction = (params: never) => object;

export interface InstrumentQueryOptions<Q extends QueryFunction> {
  /** Says what a query is about, from what it was given. */
  describe?: ((params: Parameters<Q>[0]) => Partial<Execution>) | undefined;
  /** Told of errors in the recording itself. @default OpenTelemetry's diag */
  onError?: OnError | undefined;
}

const MAX_SESSIONS = 1000;

/**
 * Wraps the Agent SDK's `query`: it yields the same messages in the same order, keeps every method of
 * the Query object, and throws the same errors, while the run is recorded beside it.
 */
export function instrumentQuery<Q extends QueryFunction>(
  tracer: Tracer,
  query: Q,
  options: InstrumentQueryOptions<Q> = {},
): Q {
  const sessions: SessionTotals = new BoundedMap(MAX_SESSIONS);
  return new Proxy(query, {
    apply(target, self, args: unknown[]) {
      const run = guarded(() => startRun(tracer, args[0], sessions, options), options.onError);
      if (run === undefined) return Reflect.apply(target, self, args);
      try {
        const messages: unknown = context.with(run.context, () =>
          Reflect.apply(target, self, args),
        );
        return isIterator(messages) ? observed(messages, run, options.onError) : messages;
      } catch (error) {
        guarded(() => run.fail(error), options.onError);
        throw error;
      }
    },
  });
}

function startRun<Q extends QueryFunction>(
  tracer: Tracer,
  params: unknown,
  sessions: SessionTotals,
  options: InstrumentQueryOptions<Q>,
): QueryRun {
  const queryOptions = fieldsOf(fieldsOf(params)?.["options"]);
  const described = guarded(() => options.describe?.(params as Parameters<Q>[0]), options.onError);
  const execution = { ...defaultExecution(queryOptions), ...described };
  const account = new Account(sessions, continuationOf(queryOptions));
  return new QueryRun(tracer, execution, context.active(), account, anchoredClock());
}

function defaultExecution(queryOptions: Fields | undefined): Execution {
  return {
    name: textOf(queryOptions?.["agent"]) ?? "claude",
    model: textOf(queryOptions?.["model"]),
  };
}

interface Iterator {
  next: (...args: unknown[]) => Promise<IteratorResult<unknown>>;
  return?: (value?: unknown) => Promise<IteratorResult<unknown>>;
  throw?: (error?: unknown) => Promise<IteratorResult<unknown>>;
  close?: (...args: unknown[]) => unknown;
}

function isIterator(value: unknown): value is Iterator & object {
  return typeof fieldsOf(value)?.["next"] === "function";
}

/** The same Query, whose messages pass by the run as the host pulls them, one for one. */
function observed<T extends Iterator & object>(
  query: T,
  run: QueryRun,
  onError: OnError | undefined,
): T {
  const follow = async (
    pull: () => Promise<IteratorResult<unknown>>,
    atEnd?: string,
  ): Promise<IteratorResult<unknown>> => {
    try {
      const step = await context.with(run.context, pull);
      guarded(() => {
        if (step.done === true || atEnd !== undefined) run.end(atEnd);
        else run.observe(step.value);
      }, onError);
      return step;
    } catch (error) {
      guarded(() => run.fail(error), onError);
      throw error;
    }
  };
  const members = new Map<PropertyKey, unknown>([
    ["next", (...args: unknown[]) => follow(() => query.next(...args))],
    [Symbol.asyncIterator, () => wrapped],
  ]);
  if (query.return !== undefined) {
    members.set("return", (value?: unknown) =>
      follow(() => query.return?.(value) as Promise<IteratorResult<unknown>>, "closed_by_consumer"),
    );
  }
  if (query.throw !== undefined) {
    members.set("throw", (error?: unknown) =>
      follow(() => query.throw?.(error) as Promise<IteratorResult<unknown>>),
    );
  }
  if (query.close !== undefined) {
    members.set("close", (...args: unknown[]) => {
      const closed = query.close?.(...args);
      guarded(() => run.end("closed_by_consumer"), onError);
      return closed;
    });
  }
  const wrapped: T = overlay(query, members);
  return wrapped;
}

/** Wall-clock time that never runs backwards within one run, in milliseconds. */
function anchoredClock(): () => number {
  const startMs = Date.now() - performance.now();
  return () => startMs + performance.now();
}
