/** The usage that a span carries, in the columns' terms: uncached input, and money in nano-dollars. */
import { ATTR_USAGE_QUALITY, ATTR_USAGE_SCOPE, EVENT_MODEL_USAGE } from "../../otel/attributes.ts";
import type {
  ModelUsageFacts,
  UsageFacts,
  UsageFactsQuality,
  UsageFactsScope,
} from "../../store/rows.ts";
import type { PriceSource } from "../prices/price-source.ts";
import type { Column } from "./columns.ts";
import { columnsOf, type Dialect } from "./dialect.ts";
import { USAGE_ATTRIBUTES } from "./dialects.ts";
import { isAggregate } from "./operation.ts";
import type { ReadAttributes, ReadSpan } from "./read-span.ts";
import { normalisedTokens } from "./tokens.ts";
import { count, firstOf, firstText, nanoUsd, providerName } from "./values.ts";

const COUNTS = [
  "inputTokens",
  "cacheReadTokens",
  "cacheCreationTokens",
  "outputTokens",
  "reasoningTokens",
  "webSearchRequests",
] as const satisfies readonly (keyof ModelUsageFacts)[];

export function readUsage(
  span: ReadSpan,
  dialect: Dialect,
  operation: string | null,
  prices: PriceSource | null,
): UsageFacts | null {
  const stated = statedScope(span);
  const isBare = !Object.keys(span.attributes).some((key) => USAGE_ATTRIBUTES.has(key));
  if ((stated === null && isBare) || dialect.ignoresUsageOf?.(span, operation)) return null;
  const scope = stated ?? (isAggregate(operation) ? "aggregate" : "leaf");
  const models = readModels(span, dialect, stated !== null);
  // A run's account of zeros says that it used nothing. Elsewhere zeros are what is set by default.
  const isUsage = stated === null ? isSomething : isKnown;
  if (!models.some(isUsage)) return null;
  return {
    scope,
    quality: statedQuality(span) ?? impliedQuality(span, dialect, scope, operation, models),
    responseId:
      scope === "leaf" ? firstOf(span.attributes, columnsOf(dialect).responseId, firstText) : null,
    models: prices === null ? models : models.map((model) => priced(model, scope, span, prices)),
  };
}

function readModels(span: ReadSpan, dialect: Dialect, isOwnAccount: boolean): ModelUsageFacts[] {
  const whole = readModel(span.attributes, span, dialect, isOwnAccount);
  if (!isOwnAccount) return [whole];
  const models = span.events
    .filter((event) => event.name === EVENT_MODEL_USAGE)
    .map((event) => readModel(event.attributes ?? {}, span, dialect, isOwnAccount));
  const [first] = models;
  if (first === undefined) return [whole];
  for (const model of models) model.provider ??= whole.provider;
  // The totals on the span repeat its events, and may know the cost where the one event does not.
  if (models.length === 1 && first.reportedCostNanoUsd === null) {
    first.reportedCostNanoUsd = whole.reportedCostNanoUsd;
    first.costBasis = whole.costBasis;
  }
  return models;
}

function readModel(
  attributes: ReadAttributes,
  span: ReadSpan,
  dialect: Dialect,
  isOwnAccount: boolean,
): ModelUsageFacts {
  const columns = columnsOf(dialect);
  const { inputExcludesCache = false } = dialect;
  const counted = (column: Column) => firstOf(attributes, columns[column], count);
  const named = (column: Column) => firstOf(attributes, columns[column], firstText);
  const tokens = normalisedTokens(
    {
      input: counted("input"),
      cacheRead: counted("cacheRead"),
      cacheWrite: counted("cacheWrite"),
      cacheWrite5m: counted("cacheWrite5m"),
      cacheWrite1h: counted("cacheWrite1h"),
      extraInput: counted("extraInput"),
      output: counted("output"),
      extraOutput: counted("extraOutput"),
      reasoning: counted("reasoning"),
      total: counted("total"),
    },
    typeof inputExcludesCache === "function" ? inputExcludesCache(span) : inputExcludesCache,
    dialect.outputExcludesReasoning === true,
  );
  const usage = { ...tokens, webSearchRequests: counted("webSearches") };
  const cost = reportedCost(attributes, dialect);
  // Many instrumentations write 0 where they know no price; only our own account means it.
  const reportedCostNanoUsd = cost === 0 && !isOwnAccount ? null : cost;
  return {
    provider: firstOf(attributes, columns.provider, providerName),
    model: named("responseModel") ?? named("requestModel"),
    ...usage,
    reportedCostNanoUsd,
    costBasis: reportedCostNanoUsd === null ? null : named("costBasis"),
    computedCostNanoUsd: null,
    priceMatch: null,
  };
}

function reportedCost(attributes: ReadAttributes, dialect: Dialect): number | null {
  if (dialect.isMainLoopOnly === true) return null;
  const columns = columnsOf(dialect);
  const currency = firstOf(attributes, columns.costCurrency, firstText);
  if (currency !== null && currency.toUpperCase() !== "USD") return null;
  const whole = firstOf(attributes, columns.costUsd, nanoUsd);
  if (whole !== null) return whole;
  const input = firstOf(attributes, columns.inputCostUsd, nanoUsd);
  const output = firstOf(attributes, columns.outputCostUsd, nanoUsd);
  return input === null || output === null ? null : input + output;
}

function statedScope(span: ReadSpan): UsageFactsScope | null {
  const scope = span.attributes[ATTR_USAGE_SCOPE];
  return scope === "ledger" || scope === "result" ? scope : null;
}

export function statedQuality(span: ReadSpan): UsageFactsQuality | null {
  const quality = span.attributes[ATTR_USAGE_QUALITY];
  return quality === "exact" || quality === "lower_bound" || quality === "unknown_base"
    ? quality
    : null;
}

/** A call whose answer is not counted, or only in part, cost more than what is known of it. */
function impliedQuality(
  span: ReadSpan,
  dialect: Dialect,
  scope: UsageFactsScope,
  operation: string | null,
  models: readonly ModelUsageFacts[],
): UsageFactsQuality {
  if (dialect.isMainLoopOnly === true) return "lower_bound";
  const lacksOutput = models.some((model) => model.outputTokens === null && isCounted(model));
  const isPart = lacksOutput || lacksReasoning(span, dialect, models);
  return scope === "leaf" && operation !== "embeddings" && isPart ? "lower_bound" : "exact";
}

/** A total of all tokens would tell of it. */
function lacksReasoning(
  span: ReadSpan,
  dialect: Dialect,
  models: readonly ModelUsageFacts[],
): boolean {
  if (!dialect.mayLackReasoning?.(span)) return false;
  const total = firstOf(span.attributes, columnsOf(dialect).total, count);
  return total === null && models.some((model) => model.reasoningTokens === null);
}

function isSomething(model: ModelUsageFacts): boolean {
  return (model.reportedCostNanoUsd ?? 0) > 0 || COUNTS.some((name) => (model[name] ?? 0) > 0);
}

function isKnown(model: ModelUsageFacts): boolean {
  return model.reportedCostNanoUsd !== null || isCounted(model);
}

function isCounted(model: ModelUsageFacts): boolean {
  return COUNTS.some((name) => model[name] !== null);
}

function priced(
  model: ModelUsageFacts,
  scope: UsageFactsScope,
  span: ReadSpan,
  prices: PriceSource,
): ModelUsageFacts {
  if (!isCounted(model)) return model;
  const price = prices.price(
    {
      provider: model.provider,
      model: model.model,
      inputTokens: model.inputTokens ?? 0,
      cacheReadTokens: model.cacheReadTokens ?? 0,
      cacheCreationTokens: model.cacheCreationTokens ?? 0,
      cacheCreation1hTokens: model.cacheCreation1hTokens ?? 0,
      outputTokens: model.outputTokens ?? 0,
      webSearchRequests: model.webSearchRequests ?? 0,
      singleCall: scope === "leaf",
    },
    new Date(span.endMs),
  );
  if (price === null) return model;
  return { ...model, computedCostNanoUsd: price.costNanoUsd, priceMatch: price.match };
}
