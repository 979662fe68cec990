/** What a span stands for, as the GenAI conventions name it. */
import { ATTR_GEN_AI_OPERATION_NAME, OPERATION_INVOKE_AGENT } from "../../otel/attributes.ts";
import type { Dialect } from "./dialect.ts";
import type { ReadSpan } from "./read-span.ts";
import { text } from "./values.ts";

/** Runs of an agent: what an execution is. */
export const EXECUTIONS: ReadonlySet<string> = new Set([OPERATION_INVOKE_AGENT, "invoke_workflow"]);

/** What repeats the usage of the calls beneath it. */
const AGGREGATES: ReadonlySet<string> = new Set([
  ...EXECUTIONS,
  "create_agent",
  "agent_step",
  "plan",
]);

/** Null where the span says nothing of it. A name that no convention knows is returned as it is. */
export function operationOf(span: ReadSpan, dialect: Dialect): string | null {
  const stated = text(span.attributes[ATTR_GEN_AI_OPERATION_NAME]);
  const { attributes = {}, spans = {} } = dialect.operations ?? {};
  if (stated !== null) return own(attributes[ATTR_GEN_AI_OPERATION_NAME], stated) ?? stated;
  for (const [attribute, names] of Object.entries(attributes)) {
    const value = text(span.attributes[attribute]);
    const operation = value === null ? undefined : own(names, value);
    if (operation !== undefined) return operation;
  }
  return own(spans, span.name) ?? null;
}

export function isExecution(operation: string | null): boolean {
  return operation !== null && EXECUTIONS.has(operation);
}

export function isAggregate(operation: string | null): boolean {
  return operation !== null && AGGREGATES.has(operation);
}

function own(names: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return names !== undefined && Object.hasOwn(names, key) ? names[key] : undefined;
}
