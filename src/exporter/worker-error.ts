/** The error's own line in what Bun says of a Worker's error: lines of source and a caret come before it. */
export function workerError(message: string): string {
  const lines = message.split("\n");
  return lines[lines.findIndex((line) => line.trim() === "^") + 1] ?? "";
}
