/** Every example runs as it stands, offline, and its runs are in the file. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type CostReport, costReport, openReader } from "../src/index.ts";
import { run } from "./support/packed-project.ts";
import { useTempDir } from "./support/temp-dir.ts";

const EXAMPLES = join(import.meta.dirname, "..", "examples");
const newDirectory = useTempDir();

interface ExampleRun {
  stdout: string;
  report: CostReport;
}

async function runExample(path: string): Promise<ExampleRun> {
  const dbPath = join(newDirectory(), "t.db");
  const env = { TELEMETRY_DB_PATH: dbPath };
  const { stdout, stderr, exitCode } = await run([process.execPath, path], EXAMPLES, env);
  expect([stderr, exitCode]).toEqual(["", 0]);
  using reader = openReader(dbPath);
  return { stdout, report: costReport(reader, { by: ["agent", "repo"] }) };
}

/** The recorded run of a subagent that each Agent SDK example gets. */
const RECORDED_NANO_USD = 18_613_800;

const CHECKS: Record<string, (example: ExampleRun) => void> = {
  "plain-script.ts": ({ stdout, report }) => {
    expect(report.total).toMatchObject({ runs: 1, costNanoUsd: RECORDED_NANO_USD });
    expect(stdout).toEndWith("1 runs so far, $0.0186138\n");
  },
  "review-bot.ts": ({ stdout, report }) => {
    expect(report.total).toMatchObject({ runs: 2, costNanoUsd: 2 * RECORDED_NANO_USD });
    expect(report.groups.map(({ key }) => [key["agent"], key["repo"]]).toSorted()).toEqual([
      ["reviewer", "acme/api"],
      ["reviewer", "acme/web"],
    ]);
    expect(stdout).toEndWith("16 of 16 spans are in the file\n");
  },
  "own-sdk.ts": ({ report }) => {
    expect(report.groups.map(({ key }) => key["agent"])).toEqual(["assistant"]);
    expect(report.total).toMatchObject({ runs: 1, inputTokens: 1200, costNanoUsd: 6_000_000 });
  },
};

test("every example that needs nothing more has its check", () => {
  const examples = readdirSync(EXAMPLES).filter((name) => name.endsWith(".ts"));
  expect(examples.toSorted()).toEqual(Object.keys(CHECKS).toSorted());
});

for (const [name, check] of Object.entries(CHECKS)) {
  test(`examples/${name} runs, and its runs are in the file`, async () => {
    check(await runExample(join(EXAMPLES, name)));
  }, 30_000);
}

const VERCEL = join(EXAMPLES, "vercel-ai");
const isInstalled = existsSync(join(VERCEL, "node_modules", "ai"));

test.skipIf(!isInstalled)(
  "examples/vercel-ai runs, and its calls count once (npm --prefix examples/vercel-ai ci installs what it needs)",
  async () => {
    const { report } = await runExample(join(VERCEL, "main.ts"));
    expect(report.groups.map(({ key }) => key["agent"])).toEqual(["forecaster"]);
    expect(report.total).toMatchObject({ runs: 1, inputTokens: 220, outputTokens: 30 });
    expect(report.total.costNanoUsd).toBeGreaterThan(0);
  },
  30_000,
);
