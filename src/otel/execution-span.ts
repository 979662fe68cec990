/** Opens the `invoke_agent` span of an execution and makes it known to all that runs inside it. */
import {
  type Attributes,
  type Context,
  createContextKey,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import {
  ATTR_DELIVERY_ID,
  ATTR_EVENT_TYPE,
  ATTR_EXECUTION,
  ATTR_EXECUTION_NESTED,
  ATTR_GEN_AI_AGENT_NAME,
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_VCS_CHANGE_ID,
  ATTR_VCS_OWNER_NAME,
  ATTR_VCS_REPOSITORY_NAME,
  OPERATION_INVOKE_AGENT,
} from "./attributes.ts";
import type { Execution } from "./execution.ts";
import { defined } from "./usage-attributes.ts";
import { countOf, textOf } from "./values.ts";

const WITHIN_EXECUTION = createContextKey("spanledger.execution");

export interface ExecutionSpan {
  span: Span;
  /** The parent's context with the span active in it. */
  context: Context;
}

export function startExecutionSpan(
  tracer: Tracer,
  execution: Execution,
  parent: Context,
  startTimeMs?: number,
): ExecutionSpan {
  const name = textOf(execution.name);
  const span = tracer.startSpan(
    name === undefined ? OPERATION_INVOKE_AGENT : `${OPERATION_INVOKE_AGENT} ${name}`,
    {
      kind: SpanKind.INTERNAL,
      attributes: {
        ...executionAttributes(execution),
        ...(parent.getValue(WITHIN_EXECUTION) === true ? { [ATTR_EXECUTION_NESTED]: true } : {}),
      },
      ...(startTimeMs === undefined ? {} : { startTime: startTimeMs }),
    },
    parent,
  );
  return { span, context: trace.setSpan(parent.setValue(WITHIN_EXECUTION, true), span) };
}

function executionAttributes(execution: Execution): Attributes {
  const pullRequest = countOf(execution.prNumber);
  return {
    ...execution.attributes,
    ...defined({
      [ATTR_EXECUTION]: true,
      [ATTR_GEN_AI_OPERATION_NAME]: OPERATION_INVOKE_AGENT,
      [ATTR_GEN_AI_AGENT_NAME]: textOf(execution.name),
      [ATTR_GEN_AI_PROVIDER_NAME]: textOf(execution.provider) ?? "anthropic",
      [ATTR_GEN_AI_REQUEST_MODEL]: textOf(execution.model),
      ...repositoryAttributes(textOf(execution.repo)),
      [ATTR_VCS_CHANGE_ID]: pullRequest === undefined ? undefined : String(pullRequest),
      [ATTR_DELIVERY_ID]: textOf(execution.deliveryId),
      [ATTR_EVENT_TYPE]: textOf(execution.eventType),
    }),
  };
}

/** `group/subgroup/name` belongs to `group/subgroup`, so the last slash divides. */
function repositoryAttributes(repo: string | undefined): Attributes {
  if (repo === undefined) return {};
  const slash = repo.lastIndexOf("/");
  return {
    [ATTR_VCS_OWNER_NAME]: slash > 0 ? repo.slice(0, slash) : undefined,
    [ATTR_VCS_REPOSITORY_NAME]: repo.slice(slash + 1),
  };
}
