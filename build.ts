/**
 * Builds `dist`, as it is packed. The library is what `tsc` makes of it. The command line is one file with its
 * bytecode beside it: loading and compiling fifty modules was half the time of a short command.
 */
import { copyFileSync, rmSync } from "node:fs";
import manifest from "./package.json" with { type: "json" };

/** Every command loads it; a copy of it has its license beside it. */
const BUNDLED = "commander";
const COMMAND_LINE = "dist/cli";

rmSync("dist", { recursive: true, force: true });
const tsc = [process.execPath, "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"];
const { exitCode } = Bun.spawnSync(tsc, { stdio: ["ignore", "inherit", "inherit"] });
if (exitCode !== 0) process.exit(exitCode);

await Bun.build({
  entrypoints: ["src/cli/main.ts", "src/cli/progress-worker.ts"],
  outdir: COMMAND_LINE,
  target: "bun",
});
const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
await Bun.build({
  entrypoints: ["src/cli/program.ts"],
  outdir: COMMAND_LINE,
  target: "bun",
  format: "cjs", // Bytecode of a module is read from executables only.
  bytecode: true,
  external: dependencies.filter((name) => name !== BUNDLED),
  // Or it would be the path that a source had on this machine.
  define: { "import.meta.url": "Bun.main" },
});
copyFileSync(`node_modules/${BUNDLED}/LICENSE`, `${COMMAND_LINE}/LICENSE-${BUNDLED}`);
