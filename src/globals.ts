/**
 * OpenTelemetry's process-wide registrations: taken where nobody has, and given back at shutdown. A
 * second registration would be ignored by the API, with an error in the log; so each is probed first.
 */
import {
  context,
  createContextKey,
  DiagLogLevel,
  diag,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import type { Logger } from "./exporter/state-log.ts";

function hasContextManager(): boolean {
  const key = createContextKey("spanledger.probe");
  return context.with(
    ROOT_CONTEXT.setValue(key, true),
    () => context.active().getValue(key) === true,
  );
}

function hasPropagator(): boolean {
  return propagation.fields().length > 0;
}

function hasTracerProvider(): boolean {
  const provider = trace.getTracerProvider();
  return !(
    provider instanceof ProxyTracerProvider &&
    provider.getDelegate() === new ProxyTracerProvider().getDelegate()
  );
}

/** The API keeps its registrations under this symbol; it has no question for "is there a diag logger". */
function hasDiagLogger(): boolean {
  const api = (globalThis as Record<symbol, { diag?: unknown } | undefined>)[
    Symbol.for("opentelemetry.js.api.1")
  ];
  return api?.diag !== undefined;
}

/** The SDK reports its own trouble through diag. */
function registerDiag(logger: Logger): void {
  // A component's logger puts its name first, so the message is what all of them say together.
  const write =
    (level: "warn" | "error") =>
    (...parts: unknown[]) => {
      try {
        logger[level](parts.map(String).join(" "));
      } catch {
        // A broken logger harms nobody.
      }
    };
  const ignore = (): void => undefined;
  diag.setLogger(
    { error: write("error"), warn: write("warn"), info: ignore, debug: ignore, verbose: ignore },
    DiagLogLevel.WARN,
  );
}

/** Registers what the host has not. @returns the way back. */
export function registerGlobals(provider: TracerProvider, logger: Logger): () => void {
  const undo: (() => void)[] = [];
  if (!hasDiagLogger()) {
    registerDiag(logger);
    undo.push(() => diag.disable());
  }
  if (!hasContextManager()) {
    const manager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    undo.push(() => context.disable());
  }
  if (!hasPropagator()) {
    propagation.setGlobalPropagator(
      new CompositePropagator({
        propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
      }),
    );
    undo.push(() => propagation.disable());
  }
  if (!hasTracerProvider()) {
    trace.setGlobalTracerProvider(provider);
    undo.push(() => trace.disable());
  }
  return () => {
    for (const step of undo.splice(0)) step();
  };
}
