/** From the counts as they are reported to the columns' counts, where no token stands twice. */
import type { ModelUsageFacts } from "../../store/rows.ts";

export interface ReportedTokens {
  input: number | null;
  cacheRead: number | null;
  cacheWrite: number | null;
  cacheWrite5m: number | null;
  cacheWrite1h: number | null;
  output: number | null;
  reasoning: number | null;
  /** Input and output together. */
  total: number | null;
  /** Billed, and part of neither count. */
  extraInput: number | null;
  extraOutput: number | null;
}

export type Tokens = Pick<
  ModelUsageFacts,
  | "inputTokens"
  | "cacheReadTokens"
  | "cacheCreationTokens"
  | "cacheCreation5mTokens"
  | "cacheCreation1hTokens"
  | "outputTokens"
  | "reasoningTokens"
>;

export function normalisedTokens(
  reported: ReportedTokens,
  inputExcludesCache: boolean,
  outputExcludesReasoning: boolean,
): Tokens {
  const cacheCreation = cacheCreationTokens(reported);
  const cached = (reported.cacheRead ?? 0) + (cacheCreation ?? 0);
  return {
    inputTokens: sum(uncached(reported, cached, inputExcludesCache), reported.extraInput),
    cacheReadTokens: reported.cacheRead,
    cacheCreationTokens: cacheCreation,
    cacheCreation5mTokens: reported.cacheWrite5m,
    cacheCreation1hTokens: reported.cacheWrite1h,
    outputTokens: sum(wholeOutput(reported, outputExcludesReasoning), reported.extraOutput),
    reasoningTokens: reported.reasoning,
  };
}

/** All cache writes: never less than the parts that are known of them. */
function cacheCreationTokens(reported: ReportedTokens): number | null {
  const parts = sum(reported.cacheWrite5m, reported.cacheWrite1h);
  if (reported.cacheWrite === null || parts === null) return reported.cacheWrite ?? parts;
  return Math.max(reported.cacheWrite, parts);
}

/** More cached tokens than input, or a total that holds both, is proof that the input leaves them out, whoever counted. */
function uncached(reported: ReportedTokens, cached: number, excludesCache: boolean): number | null {
  const { input, output, total } = reported;
  if (input === null || excludesCache || cached > input) return input;
  const isLeftOut = output !== null && total === input + cached + output;
  return isLeftOut ? input : input - cached;
}

/** More reasoning than output, or a total that holds both, is proof that the output leaves it out. */
function wholeOutput(reported: ReportedTokens, outputExcludesReasoning: boolean): number | null {
  const { input, output, reasoning, total } = reported;
  if (output === null) return null;
  if (reasoning !== null) {
    const isLeftOut =
      reasoning > output || (input !== null && total === input + output + reasoning);
    if (outputExcludesReasoning || isLeftOut) return output + reasoning;
  }
  if (outputExcludesReasoning && total !== null && input !== null) {
    return Math.max(output, total - input);
  }
  return output;
}

function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : a + b;
}
