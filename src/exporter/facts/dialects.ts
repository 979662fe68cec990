/**
 * The instrumentations. A new dialect is one entry in `dialects`, its name here, and one fixture. The
 * first that recognises a span holds; the last one recognises every span.
 */
import {
  ATTR_ANTHROPIC_REQUEST_ID,
  ATTR_EXECUTION,
  ATTR_USAGE_SCOPE,
} from "../../otel/attributes.ts";
import { USAGE_COLUMNS } from "./columns.ts";
import { columnsOf, type Dialect, has } from "./dialect.ts";
import {
  claudeCode,
  codex,
  geminiCli,
  googleAdk,
  googleAdkInclusive,
  mastra,
  pydanticAi,
} from "./dialects/agents.ts";
import { anthropicSdk, liteLlm, vercelAi } from "./dialects/clients.ts";
import {
  langfuse,
  langSmith,
  logfireClaudeAgent,
  openInference,
  openInferenceClaudeAgent,
  openLlmetry,
  openLlmetryAnthropic,
  sentry,
} from "./dialects/tracers.ts";
import type { ReadSpan } from "./read-span.ts";

const ours: Pick<Dialect, "isOurs" | "columns"> = {
  isOurs: true,
  // Claude Code's own spans of the same calls know no other id than the request's.
  columns: { responseId: [ATTR_ANTHROPIC_REQUEST_ID] },
};

/** Executions and accounts, whatever else a host says on them. */
const spanledger: Dialect = {
  name: "spanledger",
  detect: (span) => has(span, ATTR_USAGE_SCOPE) || has(span, ATTR_EXECUTION),
  ...ours,
};

/** Their parts. Behind the others: a host may hand our tracer to an instrumentation. */
const spanledgerParts: Dialect = {
  name: "spanledger_parts",
  detect: (span) => span.scopeName === "spanledger",
  ...ours,
};

/** Whatever follows the GenAI conventions, of whichever version. */
const conventions: Dialect = { name: "gen_ai", detect: () => true };

export const DIALECTS: readonly Dialect[] = [
  spanledger,
  claudeCode,
  anthropicSdk,
  vercelAi,
  openLlmetryAnthropic,
  openLlmetry,
  openInferenceClaudeAgent,
  logfireClaudeAgent,
  openInference,
  langfuse,
  mastra,
  pydanticAi,
  langSmith,
  liteLlm,
  googleAdkInclusive,
  googleAdk,
  geminiCli,
  codex,
  sentry,
  spanledgerParts,
  conventions,
];

export function dialectOf(span: ReadSpan): Dialect {
  return DIALECTS.find((dialect) => dialect.detect(span)) ?? conventions;
}

/** All attributes of all dialects that hold a count or a cost. */
export const USAGE_ATTRIBUTES: ReadonlySet<string> = new Set(
  DIALECTS.flatMap((dialect) => USAGE_COLUMNS.flatMap((column) => columnsOf(dialect)[column])).map(
    (source) => (typeof source === "string" ? source : source.attribute),
  ),
);
