/**
 * Records what the emitters emit, for the fast tests: `bun test/real/record.ts [name…]`, and then
 * `npm run fix`. Run it after a change of their versions, and look at the difference. Codex is recorded
 * where CODEX names its binary.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runClaudeCode } from "./support/claude-code-telemetry.ts";
import { runCodex } from "./support/codex.ts";
import {
  CLAUDE_CODE,
  CODEX,
  EMITTERS,
  type Emitter,
  GEMINI_CLI,
  OPENLLMETRY_STREAM,
} from "./support/emitters.ts";
import { runGeminiCli } from "./support/gemini-cli.ts";
import type { PlainSpan } from "./support/otlp-receiver.ts";
import { type EmittedRun, runEmitter } from "./support/run-emitter.ts";
import { servedTotals } from "./support/truth.ts";

const FOLDER = join(import.meta.dir, "../fixtures/recorded-dialects");

function versionOf(name: string): string {
  const path = join(import.meta.dir, "node_modules", name, "package.json");
  const { name: realName, version } = JSON.parse(readFileSync(path, "utf8"));
  return `${realName} ${version}`;
}

/** Says where it was recorded, and nothing of what was. */
const PLACE_ATTRIBUTES: ReadonlySet<string> = new Set([
  "user.id",
  "server.address",
  "server.port",
  "cwd",
  // Names its directory and its machine's system, among much else.
  "gen_ai.system_instructions",
]);

function withoutPlace(attributes: PlainSpan["attributes"]): PlainSpan["attributes"] {
  const entries = Object.entries(attributes);
  return Object.fromEntries(entries.filter(([key]) => !PLACE_ATTRIBUTES.has(key)));
}

/** Ids that count up in place of random ones, so that two recordings differ only where they do. */
function counted(spans: readonly PlainSpan[]): object[] {
  const short = new Map<string, string>();
  const id = (long: string): string => {
    const known = short.get(long) ?? (short.size + 1).toString(16).padStart(long.length, "0");
    short.set(long, known);
    return known;
  };
  return spans.map(({ startTime: _start, endTime: _end, ...span }) => ({
    ...span,
    attributes: withoutPlace(span.attributes),
    traceId: id(span.traceId),
    spanId: id(span.spanId),
    parentSpanId: span.parentSpanId && id(span.parentSpanId),
  }));
}

async function record(
  { name, packages, tellable = (calls) => calls }: Emitter,
  run: (directory: string) => Promise<EmittedRun>,
  versions: readonly string[] = packages.map(versionOf),
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-record-"));
  try {
    const { spans, served } = await run(directory);
    const totals = servedTotals(tellable(served));
    const fixture = {
      source: `Recorded from ${versions.join(", ")}.`,
      served: {
        inputTokens: totals.input,
        cacheReadTokens: totals.cacheRead,
        cacheCreationTokens: totals.cacheCreation,
        outputTokens: totals.output,
        costNanoUsd: totals.costNanoUsd,
      },
      spans: counted(spans),
    };
    await Bun.write(join(FOLDER, `${name}.json`), `${JSON.stringify(fixture, null, 2)}\n`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const names = new Set(process.argv.slice(2));
const isWanted = (name: string): boolean => names.size === 0 || names.has(name);
for (const emitter of EMITTERS) {
  if (!isWanted(emitter.name)) continue;
  await record(emitter, (directory) => runEmitter(emitter.name, { directory }));
}
if (isWanted(OPENLLMETRY_STREAM.name)) {
  const { name } = OPENLLMETRY_STREAM;
  await record(OPENLLMETRY_STREAM, (directory) =>
    runEmitter(name, { directory, inExecution: true }),
  );
  await record({ ...OPENLLMETRY_STREAM, name: `${name}-alone` }, (directory) =>
    runEmitter(name, { directory }),
  );
}
if (isWanted(CLAUDE_CODE.name)) await record(CLAUDE_CODE, runClaudeCode);
if (isWanted(GEMINI_CLI.name)) await record(GEMINI_CLI, runGeminiCli);
const codex = process.env["CODEX"];
if (codex !== undefined && isWanted(CODEX.name)) {
  const version = await Bun.$`${codex} --version`.text();
  await record(CODEX, (directory) => runCodex(directory, codex), [version.trim()]);
}
