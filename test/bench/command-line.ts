import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** Builds the package. @returns the file of its command line, as people have it installed. */
export function builtCommandLine(): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "build.ts"], { cwd: ROOT });
  if (exitCode !== 0) throw new Error(`The package cannot be built: ${stdout}${stderr}`);
  return join(ROOT, "dist/cli/main.js");
}
