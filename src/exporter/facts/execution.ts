/** What the span of an agent execution says of the run: ours in full, others' as far as they do. */
import {
  ATTR_CONCLUSION,
  ATTR_DELIVERY_ID,
  ATTR_DURATION_MS,
  ATTR_ERROR_TYPE,
  ATTR_EVENT_TYPE,
  ATTR_EXECUTION,
  ATTR_EXECUTION_NESTED,
  ATTR_NUM_TURNS,
  ATTR_VCS_CHANGE_ID,
  ATTR_VCS_OWNER_NAME,
  ATTR_VCS_REPOSITORY_NAME,
} from "../../otel/attributes.ts";
import type { ExecutionFacts } from "../../store/rows.ts";
import type { Column } from "./columns.ts";
import { columnsOf, type Dialect } from "./dialect.ts";
import { isExecution } from "./operation.ts";
import type { ReadAttributes, ReadSpan } from "./read-span.ts";
import { statedQuality } from "./usage.ts";
import { count, firstOf, firstText, providerName, text } from "./values.ts";

const STATUS_ERROR = 2;

/** What has a column, or is there for the reading of columns. */
const HAS_COLUMN = /^(?:gen_ai|spanledger|vcs|error|anthropic\.usage)\./;

export function readExecution(
  span: ReadSpan,
  dialect: Dialect,
  operation: string | null,
): ExecutionFacts | null {
  const { attributes } = span;
  const isOwn = attributes[ATTR_EXECUTION] === true;
  if (!isOwn && (dialect.isOurs === true || !isExecution(operation))) return null;
  const columns = columnsOf(dialect);
  const named = (column: Column) => firstOf(attributes, columns[column], firstText);
  return {
    nested: attributes[ATTR_EXECUTION_NESTED] === true,
    agentName: named("agentName"),
    deliveryId: text(attributes[ATTR_DELIVERY_ID]),
    repo: repo(attributes),
    prNumber: count(attributes[ATTR_VCS_CHANGE_ID]),
    eventType: text(attributes[ATTR_EVENT_TYPE]),
    provider: firstOf(attributes, columns.provider, providerName),
    model: named("responseModel") ?? named("requestModel"),
    sessionId: named("conversationId"),
    numTurns: count(attributes[ATTR_NUM_TURNS]),
    stopReason: named("finishReason"),
    conclusion: conclusion(span),
    errorType: text(attributes[ATTR_ERROR_TYPE]) ?? exceptionType(span),
    durationMs: count(attributes[ATTR_DURATION_MS]),
    usageQuality: statedQuality(span) ?? "exact",
    attributes: isOwn ? otherAttributes(attributes) : null,
  };
}

function repo(attributes: ReadAttributes): string | null {
  const owner = text(attributes[ATTR_VCS_OWNER_NAME]);
  const name = text(attributes[ATTR_VCS_REPOSITORY_NAME]);
  return owner === null || name === null ? (name ?? owner) : `${owner}/${name}`;
}

function conclusion(span: ReadSpan): ExecutionFacts["conclusion"] {
  const stated = span.attributes[ATTR_CONCLUSION];
  if (stated === "success" || stated === "failure" || stated === "error") return stated;
  return span.statusCode === STATUS_ERROR ? "error" : "success";
}

function exceptionType(span: ReadSpan): string | null {
  const exception = span.events.find((event) => event.name === "exception");
  return text(exception?.attributes?.["exception.type"]);
}

function otherAttributes(attributes: ReadAttributes): string | null {
  const others: Record<string, unknown> = Object.create(null);
  let isEmpty = true;
  for (const key of Object.keys(attributes)) {
    if (HAS_COLUMN.test(key)) continue;
    others[key] = attributes[key];
    isEmpty = false;
  }
  return isEmpty ? null : JSON.stringify(others, bigintAsNumber);
}

function bigintAsNumber(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
