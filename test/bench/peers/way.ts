/** One way from spans to a file, and how any way that takes OpenTelemetry's spans lives through a run. */
import { ROOT_CONTEXT, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import type { Kind, PlannedRun, PlannedSpan } from "./runs.ts";

/** A run to live through: each step ends one span. */
export type Steps = Generator<void>;

export interface Recorder {
  /** Makes ready, outside of what is measured, what the run's spans are started with. */
  prepare(run: PlannedRun): () => Steps;
  /** Until all spans that ended are committed. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What a file holds after it was closed. */
export interface Stored {
  spans: number;
  chatOutputTokens: number;
}

export interface Way {
  name: string;
  /** The file's name; others beside it that begin with it belong to it. */
  file: string;
  open(path: string): Promise<Recorder>;
  /** Nothing, where nothing is written. */
  stored(path: string): Promise<Stored | null>;
}

const KINDS: Record<Kind, SpanKind> = {
  executor: SpanKind.INTERNAL,
  agent: SpanKind.INTERNAL,
  chat: SpanKind.CLIENT,
  tool: SpanKind.INTERNAL,
};

function* traced(tracer: Tracer, { executor, agent, steps }: PlannedRun): Steps {
  const open = ({ name, kind }: PlannedSpan, parent = ROOT_CONTEXT) => {
    const span = tracer.startSpan(name, { kind: KINDS[kind] }, parent);
    return { span, context: trace.setSpan(parent, span) };
  };
  const outer = open(executor);
  const inner = open(agent, outer.context);
  for (const step of steps) {
    const { span } = open(step, inner.context);
    span.setAttributes(step.attributes);
    span.end();
    yield;
  }
  inner.span.setAttributes(agent.attributes);
  for (const { name, attributes } of agent.events) inner.span.addEvent(name, attributes);
  inner.span.end();
  yield;
  outer.span.setAttributes(executor.attributes);
  outer.span.end();
  yield;
}

/** A recorder for a way that gives out a tracer. */
export function tracerRecorder(tracer: Tracer, rest: Omit<Recorder, "prepare">): Recorder {
  return { prepare: (run) => () => traced(tracer, run), ...rest };
}
