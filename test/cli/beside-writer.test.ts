/** Every command beside a process that writes and purges at full speed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { commandLine } from "../support/command-line.ts";

const WRITER = join(import.meta.dir, "../support/restless-writer.ts");

let path: string;
let writer: Bun.Subprocess<"ignore", "pipe", "inherit">;
beforeAll(async () => {
  path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  writer = Bun.spawn([process.execPath, WRITER, path], { stdout: "pipe", stderr: "inherit" });
  await writer.stdout.getReader().read();
});
afterAll(async () => {
  writer.kill("SIGKILL");
  await writer.exited;
  rmSync(dirname(path), { recursive: true });
});

const COMMANDS = [
  ["report", "--by", "day,repo"],
  ["report", "--by", "model", "--where", "agent=agent-1", "--top", "1"],
  ["report", "--compare", "1d"],
  ["runs", "--order", "dearest"],
  ["trace", "latest"],
  ["tail", "--last", "3"],
  ["sql", "SELECT count(*), sum(cost_nano_usd) FROM model_usage"],
  ["sql", "SELECT * FROM daily_costs"],
  ["schema"],
  ["forward", "--dry-run"],
  ["maintain", "--dry-run"],
  ["backup", "COPY"],
];

test.each(COMMANDS)(
  "spanledger %s %s works",
  async (...command) => {
    for (let round = 0; round < 3; round++) {
      const args = command.map((arg) => (arg === "COPY" ? `${path}.copy-${round}` : String(arg)));
      const { exitCode, out, error } = await commandLine(["--db", path, ...args], {
        interrupted: async () => {},
      });
      expect([exitCode, error]).toEqual([0, ""]);
      expect(out).not.toBe("");
    }
    expect(writer.exitCode).toBeNull();
  },
  30_000,
);

test("a report in one snapshot adds up, whatever is written and purged meanwhile", async () => {
  for (let round = 0; round < 5; round++) {
    const args = ["--db", path, "report", "--by", "repo,event,agent", "--json"];
    const { groups, total } = JSON.parse((await commandLine(args)).out);
    for (const name of ["runs", "failures", "outputTokens", "costNanoUsd"]) {
      const sum = groups.reduce(
        (all: number, group: Record<string, number>) => all + (group[name] ?? 0),
        0,
      );
      expect([name, sum]).toEqual([name, total[name]]);
    }
  }
}, 30_000);
