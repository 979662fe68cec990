/**
 * Builds `dist`, as it is packed. The library is what `tsc` makes of it. The command line is one file with its
 * bytecode beside it: loading and compiling fifty modules was a third of a short command's time.
 */
import { copyFileSync, rmSync } from "node:fs";
import type { BunPlugin } from "bun";
import manifest from "./package.json" with { type: "json" };

/** Every command loads it; a copy of it has its license beside it. */
const BUNDLED = "commander";
const COMMAND_LINE = "dist/cli";

/**
 * What Commander imports of Node and is no use here: `child_process` starts subcommands that are programs of
 * their own, and `util` tells how wide coloured help is. They were a tenth of a short command's time.
 */
const withoutNodeModules: BunPlugin = {
  name: "commander without child_process and util",
  setup(build) {
    build.onLoad({ filter: /\/commander\/lib\/(command|help)\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const imports = /^import (.+) from 'node:(?:child_process|util)';$/gm;
      const instead = "const $1 = { stripVTControlCharacters: Bun.stripANSI };";
      return { contents: source.replace(imports, instead), loader: "js" };
    });
  },
};

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
  // Or it would be the place of each source on this machine. A path, no URL: only `createRequire` takes both.
  define: { "import.meta.url": "Bun.main" },
  plugins: [withoutNodeModules],
});
copyFileSync(`node_modules/${BUNDLED}/LICENSE`, `${COMMAND_LINE}/LICENSE-${BUNDLED}`);
