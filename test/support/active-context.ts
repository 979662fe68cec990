/** A real context manager for the time of one function, and never left registered. */
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

export async function withActiveContext<T>(run: () => Promise<T>): Promise<T> {
  const manager = new AsyncLocalStorageContextManager().enable();
  if (!context.setGlobalContextManager(manager)) {
    throw new Error("Another test has left a context manager registered.");
  }
  try {
    return await run();
  } finally {
    context.disable();
  }
}
