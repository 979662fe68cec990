import { mkdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Runs a command-line agent once, with `directory` as its home and an empty directory to work in.
 * @throws where it fails, with what it complained of.
 */
export async function runCommand(
  name: string,
  command: string[],
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const cwd = join(directory, "work");
  mkdirSync(cwd);
  const child = Bun.spawn(command, {
    cwd,
    env: { PATH: process.env["PATH"], HOME: directory, TMPDIR: directory, ...environment },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const complaints = await new Response(child.stderr).text();
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}: ${complaints}`);
}
