/** An executor whose every `execute` is a traced execution. */
import type { Tracer } from "@opentelemetry/api";
import type { Execution, ExecutionResult } from "./execution.ts";
import { guarded, type OnError } from "./guard.ts";
import { overlay } from "./overlay.ts";
import { traceExecution } from "./trace-execution.ts";
import { fieldsOf, textOf } from "./values.ts";

/** Anything with `execute`; a result is read by its fields. */
export interface Executor<C = never> {
  /** Runs one execution, and says how it ended. */
  execute(context: C): Promise<ExecutionResult>;
}

/** What an executor's `execute` takes. */
export type ExecutorContext<E extends Executor> = Parameters<E["execute"]>[0];

/** Options of `instrumentExecutor`. */
export interface InstrumentExecutorOptions<C> {
  /**
   * Says what an execution is about, from what `execute` was given. What it throws is logged, and
   * the execution is then named `executor`. @default the fields of the same names on the context
   */
  describe?: ((context: C) => Execution) | undefined;
  /** Told of errors in the recording itself. @default OpenTelemetry's diag */
  onError?: OnError | undefined;
}

/**
 * Wraps an executor: the same object but for `execute`, which runs inside an execution's span and
 * resolves and rejects exactly as the executor's own.
 *
 * @throws {TypeError} where `executor` is no object.
 */
export function instrumentExecutor<E extends Executor>(
  tracer: Tracer,
  executor: E,
  options: InstrumentExecutorOptions<ExecutorContext<E>> = {},
): E {
  if (fieldsOf(executor) === undefined && typeof executor !== "function") {
    throw new TypeError(
      `instrumentExecutor: executor is ${String(executor)}; it must be an object with a method execute.`,
    );
  }
  const { describe = describeFromFields, onError } = options;
  const execute = (...args: [ExecutorContext<E>]): Promise<ExecutionResult> => {
    const execution = guarded(() => describe(args[0]), onError) ?? { name: FALLBACK_NAME };
    return traceExecution(
      tracer,
      execution,
      () => Reflect.apply(executor.execute, executor, args) as Promise<ExecutionResult>,
      { onError },
    );
  };
  return overlay(executor, new Map([["execute", execute]]));
}

const FALLBACK_NAME = "executor";

function describeFromFields(context: unknown): Execution {
  const fields = fieldsOf(context) ?? {};
  return {
    name: textOf(fields["name"]) ?? FALLBACK_NAME,
    deliveryId: textOf(fields["deliveryId"]),
    repo: textOf(fields["repo"]),
    prNumber: typeof fields["prNumber"] === "number" ? fields["prNumber"] : undefined,
    eventType: textOf(fields["eventType"]),
    provider: textOf(fields["provider"]),
    model: textOf(fields["model"]),
  };
}
