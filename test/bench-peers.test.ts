/** The benchmark beside other packages, which `npm --prefix test/bench/peers ci` installs. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const PEERS = join(ROOT, "test/bench/peers");
const isInstalled = existsSync(join(PEERS, "node_modules"));

function bench(...args: string[]): { stdout: string; stderr: string; exitCode: number } {
  const command = [process.execPath, "test/bench/run.ts", ...args];
  const { stdout, stderr, exitCode } = Bun.spawnSync(command, { cwd: ROOT });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test.skipIf(isInstalled)(
  "without its packages it says what installs them, and fails nothing",
  () => {
    const { stderr, exitCode } = bench("peers");
    expect(stderr).toContain("npm --prefix test/bench/peers ci");
    expect(exitCode).toBe(0);
  },
);

test.skipIf(!isInstalled)(
  "every way has every span in its file (npm --prefix test/bench/peers ci installs what it needs)",
  () => {
    const size = ["--spans", "160", "--rate", "400", "--seconds", "0.4", "--rounds", "1"];
    const { stdout, exitCode } = bench("peers/writing", ...size, "--json");
    expect(exitCode).toBe(0);
    const { figures } = JSON.parse(stdout).benchmarks["peers/writing"] as {
      figures: { name: string; value: number }[];
    };
    const missing = figures.filter(({ name }) => name.startsWith("not in the file"));
    expect(missing).toHaveLength(12); // Six ways that write, at full speed and at a rate.
    expect(missing.filter(({ value }) => value !== 0)).toEqual([]);
  },
  300_000,
);

test.skipIf(!isInstalled)(
  "all that report give the same sums (npm --prefix test/bench/peers ci installs what it needs)",
  () => {
    // The benchmark itself fails where they do not.
    const { stdout, exitCode } = bench(
      "peers/reporting",
      "--runs",
      "500",
      "--rounds",
      "1",
      "--json",
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).benchmarks["peers/reporting"].figures).toHaveLength(14);
  },
  300_000,
);
