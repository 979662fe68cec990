/** The runs of agent-traces.ts, as something that a host can live through again with any tracer. */
import type { Attributes } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { agentSpans, take } from "../agent-traces.ts";

export const SPANS_PER_RUN = 20;
/** As many as agent-traces.ts interleaves: so many whole runs are in each so many times 20 spans. */
export const RUNS_AT_ONCE = 8;

export type Kind = "executor" | "agent" | "chat" | "tool";

export interface PlannedSpan {
  name: string;
  kind: Kind;
  attributes: Attributes;
  events: ReadableSpan["events"];
}

/** A run: the executor's span, within it the agent's, within that the steps, one after the other. */
export interface PlannedRun {
  executor: PlannedSpan;
  agent: PlannedSpan;
  steps: PlannedSpan[];
}

function planned({ name, attributes, events }: ReadableSpan, kind: Kind): PlannedSpan {
  return { name, kind, attributes, events };
}

/** In multiples of `RUNS_AT_ONCE`. */
export function plannedRuns(runs: number): PlannedRun[] {
  const byTrace = new Map<string, ReadableSpan[]>();
  const rounds = Math.ceil(runs / RUNS_AT_ONCE);
  for (const span of take(agentSpans(), rounds * RUNS_AT_ONCE * SPANS_PER_RUN)) {
    const { traceId } = span.spanContext();
    byTrace.set(traceId, [...(byTrace.get(traceId) ?? []), span]);
  }
  return [...byTrace.values()].map((spans) => {
    const [executor, agent] = [spans.at(-1), spans.at(-2)];
    if (!executor || !agent || spans.length !== SPANS_PER_RUN)
      throw new Error("A run is not whole.");
    return {
      executor: planned(executor, "executor"),
      agent: planned(agent, "agent"),
      steps: spans
        .slice(0, -2)
        .map((span) => planned(span, span.name.startsWith("chat ") ? "chat" : "tool")),
    };
  });
}

/** Output tokens of all calls of a model: what has to be found in the file again. */
export function chatOutputTokens(runs: readonly PlannedRun[]): number {
  let sum = 0;
  for (const { steps } of runs) {
    for (const { kind, attributes } of steps) {
      if (kind === "chat") sum += Number(attributes["gen_ai.usage.output_tokens"]);
    }
  }
  return sum;
}
