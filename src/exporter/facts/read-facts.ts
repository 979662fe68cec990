/** The pure reading of one span: what it says of an agent's run and of its usage. */
import {
  ATTR_EXECUTION,
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_USAGE_SCOPE,
} from "../../otel/attributes.ts";
import type { SpanFacts } from "../../store/rows.ts";
import type { PriceSource } from "../prices/price-source.ts";
import { DIALECTS, dialectOf, USAGE_ATTRIBUTES } from "./dialects.ts";
import { readExecution } from "./execution.ts";
import { EXECUTIONS, operationOf } from "./operation.ts";
import type { ReadSpan } from "./read-span.ts";
import { readUsage } from "./usage.ts";

/** Null where the span is of another kind. Without `prices` no cost is computed. Never throws. */
export function readFacts(span: ReadSpan, prices: PriceSource | null = null): SpanFacts | null {
  const dialect = dialectOf(span);
  const operation = operationOf(span, dialect);
  const execution = readExecution(span, dialect, operation);
  const usage = readUsage(span, dialect, operation, prices);
  return execution === null && usage === null ? null : { execution, usage };
}

/** Every attribute without one of which, or a name below, no span has facts. */
const TELLING_ATTRIBUTES: ReadonlySet<string> = new Set([
  ATTR_EXECUTION,
  ATTR_USAGE_SCOPE,
  ATTR_GEN_AI_OPERATION_NAME,
  ...DIALECTS.flatMap((dialect) => Object.keys(dialect.operations?.attributes ?? {})),
  ...USAGE_ATTRIBUTES,
]);

const TELLING_NAMES: ReadonlySet<string> = new Set(
  DIALECTS.flatMap((dialect) => Object.keys(dialect.operations?.spans ?? {})),
);

/**
 * Whether `readFacts` may find anything in a span of these attributes and this name. True is a guess,
 * false is certain, and the same for all spans of one shape.
 */
export function mayHaveFacts(attributeKeys: readonly string[], name: string): boolean {
  return TELLING_NAMES.has(name) || attributeKeys.some((key) => TELLING_ATTRIBUTES.has(key));
}

/** Every operation name that stands for the run of an agent, as it stands in JSON. */
const RUN_OPERATIONS: readonly string[] = [
  ...EXECUTIONS,
  ...DIALECTS.flatMap((dialect) =>
    Object.entries(dialect.operations?.attributes?.[ATTR_GEN_AI_OPERATION_NAME] ?? {})
      .filter(([, operation]) => EXECUTIONS.has(operation))
      .map(([name]) => name),
  ),
].map((name) => JSON.stringify(name));

/** Whether, in spans of these attributes and this name, the operation alone decides on facts. */
export function hasOnlyOperation(attributeKeys: readonly string[], name: string): boolean {
  const others = attributeKeys.filter((key) => key !== ATTR_GEN_AI_OPERATION_NAME);
  return others.length < attributeKeys.length && !mayHaveFacts(others, name);
}

/** For such a span: whether it may be the run of an agent. As above, only false is certain. */
export function mayBeRun(attributeValues: string): boolean {
  return RUN_OPERATIONS.some((name) => attributeValues.includes(name));
}
