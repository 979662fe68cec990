/** The host's Query object, whose messages pass by a {@link QueryRun} one by one as they are pulled. */
import { context } from "@opentelemetry/api";
import { guarded, type OnError } from "../guard.ts";
import { overlay } from "../overlay.ts";
import { fieldsOf } from "../values.ts";
import { CLOSED_BY_CONSUMER, type QueryRun } from "./query-run.ts";

type Step = IteratorResult<unknown>;
type Method = (...args: unknown[]) => unknown;
type Pull = (...args: unknown[]) => Promise<Step>;

/**
 * The same object with the run watching: `next`, `return` and `throw` answer as its own do, and
 * nothing is read ahead, so back-pressure stays. A promise of such an object is one of it watched.
 * What is no asynchronous iterator is left alone.
 */
export function observeQuery(
  query: unknown,
  run: QueryRun,
  timedOut: () => boolean,
  onError: OnError | undefined,
): unknown {
  if (query instanceof Promise) {
    return query.then(
      (arrived: unknown) => observeQuery(arrived, run, timedOut, onError),
      (error: unknown) => {
        guarded(() => run.fail(error, timedOut()), onError);
        throw error;
      },
    );
  }
  const observed = guarded(() => observable(query, run, timedOut, onError), onError);
  if (observed === undefined) guarded(() => run.end(), onError);
  return observed ?? query;
}

function observable(
  query: unknown,
  run: QueryRun,
  timedOut: () => boolean,
  onError: OnError | undefined,
): object | undefined {
  const object = fieldsOf(query) ?? {};
  const own = (key: PropertyKey): Method | undefined => {
    const method: unknown = guarded(() => Reflect.get(object, key), onError);
    return typeof method === "function"
      ? (...args) => Reflect.apply(method, object, args)
      : undefined;
  };
  const iterate = own(Symbol.asyncIterator);
  const next = own("next");
  const isSynchronous = iterate === undefined && own(Symbol.iterator) !== undefined;
  if (isSynchronous || (next === undefined && iterate === undefined)) return undefined;
  if (next === undefined) {
    const observed = (): unknown => observeQuery(iterate?.(), run, timedOut, onError);
    return overlay(object, members([[Symbol.asyncIterator, iterate && observed]]));
  }

  const follow =
    (pull: Method, settle: (step: Step, args: unknown[]) => void): Pull =>
    async (...args) => {
      try {
        const step = (await context.with(run.context, () => pull(...args))) as Step;
        guarded(() => (step.done === true ? settle(step, args) : run.observe(step.value)), onError);
        return step;
      } catch (error) {
        guarded(() => run.fail(error, timedOut()), onError);
        throw error;
      }
    };
  const closing =
    (close: Method): Method =>
    (...args) => {
      guarded(() => run.end(CLOSED_BY_CONSUMER), onError);
      return close(...args);
    };
  const return_ = own("return");
  const throw_ = own("throw");
  const close = own("close");
  const dispose = own(Symbol.asyncDispose);
  const wrapped: object = overlay(
    object,
    members([
      ["next", follow(next, () => run.end())],
      ["return", return_ && follow(return_, () => run.end(CLOSED_BY_CONSUMER))],
      ["throw", throw_ && follow(throw_, (_, [error]) => run.fail(error, timedOut()))],
      ["close", close && closing(close)],
      [Symbol.asyncDispose, dispose && closing(dispose)],
      [Symbol.asyncIterator, iterate && ((): unknown => wrapped)],
    ]),
  );
  return wrapped;
}

function members(entries: [PropertyKey, Method | undefined][]): ReadonlyMap<PropertyKey, unknown> {
  return new Map(entries.filter(([, method]) => method !== undefined));
}
