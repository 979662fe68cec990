/** What an instrumentation emitted for known calls, and what must be read from each of its spans. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ReadAttributes, ReadSpan } from "../../src/exporter/facts/read-span.ts";

export interface DialectFixture {
  name: string;
  source: string;
  /** What the API served in all, as far as this instrumentation can know it. Each call once. */
  served: {
    inputTokens: number;
    cacheReadTokens: number;
    cacheCreationTokens: number;
    outputTokens: number;
    costNanoUsd: number | null;
  };
  spans: FixtureSpan[];
}

export interface FixtureSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  kind: number;
  scope: { name: string; version?: string };
  statusCode: number;
  attributes: ReadAttributes;
  /** Null: none. `model` is the only model of its usage. All that is not named here may be anything. */
  facts: null | {
    execution: Record<string, unknown> | null;
    usage: Record<string, unknown> | null;
    model?: Record<string, unknown>;
  };
}

const FIXTURES = join(import.meta.dir, "../fixtures");

function fixturesIn<Fixture>(folder: string): Fixture[] {
  return readdirSync(join(FIXTURES, folder))
    .sort()
    .map((file) => ({
      name: file.replace(".json", ""),
      ...JSON.parse(readFileSync(join(FIXTURES, folder, file), "utf8")),
    }));
}

export function dialectFixtures(): DialectFixture[] {
  return fixturesIn("dialects");
}

/** A recording has the truth of its calls, and nothing of how each span is to be read. */
export interface RecordedDialect extends Omit<DialectFixture, "spans"> {
  spans: Omit<FixtureSpan, "facts">[];
}

/** What real instrumentations emitted, as `test/real/record.ts` took it down. */
export function recordedDialects(): RecordedDialect[] {
  return fixturesIn("recorded-dialects");
}

export function readSpanOf(span: FixtureSpan): ReadSpan {
  return {
    name: span.name,
    kind: span.kind,
    scopeName: span.scope.name,
    attributes: Object.assign(Object.create(null), span.attributes),
    events: [],
    statusCode: span.statusCode,
    endMs: Date.parse("2026-11-24T02:00:00Z"),
  };
}
