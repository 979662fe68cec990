/** The command line as a process of its own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeAcme } from "../support/acme.ts";

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

let path: string;
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  writeAcme(path);
});
afterAll(() => rmSync(dirname(path), { recursive: true }));

async function spanledger(
  ...args: string[]
): Promise<{ exitCode: number; out: string; error: string }> {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    env: { ...process.env, TELEMETRY_DB_PATH: path },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, out, error };
}

test("done is 0, failed is 1, wrong usage is 2", async () => {
  expect((await spanledger("report")).exitCode).toBe(0);
  expect((await spanledger("--help")).exitCode).toBe(0);
  expect((await spanledger("help", "report")).exitCode).toBe(0);
  expect((await spanledger("report", "--db", "/nowhere/t.db")).exitCode).toBe(1);
  expect((await spanledger("--db", "/nowhere/t.db", "report")).exitCode).toBe(1);
  expect((await spanledger("reprot")).exitCode).toBe(2);
  expect((await spanledger()).exitCode).toBe(2);
});

test("--json prints JSON and nothing else, without colours where no terminal is", async () => {
  const { out, error } = await spanledger("report", "--by", "repo", "--json");
  expect(JSON.parse(out).groups).toHaveLength(4);
  expect(error).toBe("");
  expect((await spanledger("report")).out).not.toContain("\u001b");
});

test("spanledger tail ends at once, and well, when it is interrupted", async () => {
  const child = Bun.spawn([process.execPath, MAIN, "tail"], {
    env: { ...process.env, TELEMETRY_DB_PATH: path },
    stdout: "pipe",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
});

test.each(["bash", "zsh", "fish"])(
  "completion for %s names every command and flag",
  async (shell) => {
    const { out } = await spanledger("completion", shell);
    const dash = shell === "fish" ? "-l " : "--";
    for (const word of ["report", "runs", "trace", "tail", "sql", "schema", "maintain"]) {
      expect(out).toContain(word);
    }
    for (const flag of ["by", "since", "compare", "fail-over", "failed", "dry-run"]) {
      expect(out).toContain(dash + flag);
    }
  },
);

test("bash completes commands, flags and their values with it", async () => {
  const { out } = await spanledger("completion", "bash");
  const script = join(dirname(path), "completion.bash");
  const complete = (...words: string[]): string => {
    writeFileSync(
      script,
      `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}\n_spanledger; echo "\${COMPREPLY[@]}"`,
    );
    return Bun.spawnSync(["bash", script]).stdout.toString().trim();
  };
  expect(complete("spanledger", "re")).toBe("report restore");
  expect(complete("spanledger", "report", "--so")).toBe("--sort");
  expect(complete("spanledger", "--db", "x.db", "runs", "--fa")).toBe("--failed");
  expect(complete("spanledger", "report", "--format", "c")).toBe("csv");
  expect(complete("spanledger", "completion", "f")).toBe("fish");
});
