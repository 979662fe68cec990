/** What the command line says of itself: `--help` of the program and of each command it lists. */
import { fileURLToPath } from "node:url";
import { GENERATED } from "./markdown.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

async function helpOf(path: readonly string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, MAIN, ...path, "--help"], {
    env: { ...process.env, NO_COLOR: "1" },
    stdout: "pipe",
    stderr: "inherit",
  });
  return (await new Response(child.stdout).text()).trimEnd();
}

/** The names under "Commands:", but for `help`. */
function commandsIn(help: string): string[] {
  const list = help.split(/^Commands:$/m)[1]?.split(/^\S/m)[0] ?? "";
  return [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)]
    .map((match) => match[1] ?? "")
    .filter((name) => name !== "help");
}

async function section(path: readonly string[]): Promise<string> {
  const help = await helpOf(path);
  const title = ["spanledger", ...path].join(" ");
  const below = await Promise.all(commandsIn(help).map((name) => section([...path, name])));
  return [`${"#".repeat(path.length + 2)} ${title}`, `\`\`\`\n${help}\n\`\`\``, ...below].join(
    "\n\n",
  );
}

export async function cliPage(): Promise<string> {
  return `${GENERATED}

# The command line

Exit codes: 0 done, 1 failed, 2 wrong usage. With \`--json\`, JSON and nothing else goes to stdout.

${await section([])}
`;
}
