/**
 * An empty project with the packed package in its `node_modules`, as `npm install spanledger.tgz` leaves
 * it. Its dependencies are links to what is installed here, so that nothing is fetched.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const INSTALLED = join(ROOT, "node_modules");

interface Manifest {
  dependencies: Record<string, string>;
}

export interface Run {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export async function run(
  command: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<Run> {
  const child = Bun.spawn(command, {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode };
}

async function runWell(command: string[], cwd: string): Promise<string> {
  const { stdout, stderr, exitCode } = await run(command, cwd);
  if (exitCode === 0) return stdout;
  throw new Error(`${command.join(" ")} ended with ${exitCode}: ${stdout}${stderr}`);
}

/** Packs into `directory`, with npm where there is one, and extracts. @returns the folder `package`. */
export async function pack(directory: string): Promise<string> {
  const packer = Bun.which("npm")
    ? ["npm", "pack", "--pack-destination"]
    : [process.execPath, "pm", "pack", "--destination"];
  await runWell([...packer, directory], ROOT);
  const tarball = readdirSync(directory).find((name) => name.endsWith(".tgz"));
  await runWell(["tar", "-xzf", tarball ?? "no tarball"], directory);
  return join(directory, "package");
}

/** As if `name` were installed into the project. */
export function link(project: string, name: string): void {
  const path = join(project, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(INSTALLED, name), path);
}

/** The project; beside what the package depends on it has its required peer and the types of Bun. */
export function install(packed: string, project: string): void {
  const home = join(project, "node_modules", "spanledger");
  cpSync(packed, home, { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as Manifest;
  for (const name of [...Object.keys(dependencies), "@opentelemetry/api", "@types/bun"]) {
    link(project, name);
  }
  writeFileSync(join(project, "package.json"), `{ "name": "host", "type": "module" }`);
}

/** A stand-in for the Agent SDK in the project: its `query` yields one recorded result. */
export function installAgentSdk(project: string): void {
  const home = join(project, "node_modules", "@anthropic-ai", "claude-agent-sdk");
  mkdirSync(home, { recursive: true });
  const manifest = {
    name: "@anthropic-ai/claude-agent-sdk",
    type: "module",
    exports: { ".": { types: "./sdk.d.ts", default: "./sdk.mjs" } },
  };
  writeFileSync(join(home, "package.json"), JSON.stringify(manifest));
  const recorded = readFileSync(join(ROOT, "test/fixtures/transcripts/simple.jsonl"), "utf8");
  const messages = recorded.trimEnd().split("\n").join(",\n");
  writeFileSync(
    join(home, "sdk.mjs"),
    `export class AbortError extends Error {}
export async function* query() { yield* [${messages}]; }`,
  );
  writeFileSync(
    join(home, "sdk.d.ts"),
    `export declare class AbortError extends Error {}
export declare function query(params: { prompt: string; options?: object }):
  AsyncGenerator<{ type: "system" | "assistant" | "result" }, void>;`,
  );
}
