/** What the terminal can do, by what it is and by what the environment asks for. */
import type { Terminal } from "./cli.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** https://force-color.org and https://no-color.org; who asks for colours gets them. */
function hasColor(
  { FORCE_COLOR: force, NO_COLOR: no }: Environment,
  isInteractive: boolean,
): boolean {
  if (force) return force !== "0" && force !== "false";
  return isInteractive && !no;
}

const DEFAULT_COLUMNS = 100;

export function terminalOf(
  stdout: { isTTY?: boolean; columns?: number },
  environment: Environment,
): Terminal {
  const isInteractive = stdout.isTTY === true && environment["TERM"] !== "dumb";
  return {
    isInteractive,
    hasColor: hasColor(environment, isInteractive),
    columns: stdout.columns || DEFAULT_COLUMNS,
  };
}
