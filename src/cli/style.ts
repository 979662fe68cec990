import type { Terminal } from "./cli.ts";

const CODES = { bold: 1, dim: 2, red: 31, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/** Paints already safe text, where the terminal shows colours. */
export function paint(terminal: Terminal, style: Style | null, text: string): string {
  if (!terminal.hasColor || style === null || text === "") return text;
  return `\u001b[${CODES[style]}m${text}\u001b[0m`;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A bar of up to `width` characters, to the eighth of one; never empty for a share above 0. */
export function bar(share: number, width: number): string {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(Math.min(share, 1) * width * 8));
  return "█".repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? "");
}
