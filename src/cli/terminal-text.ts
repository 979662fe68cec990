/**
 * Text from the database on its way to a terminal. Names come from spans and are hostile: control
 * characters (C0, DEL, C1, with ESC and CSI among them) and those that turn the reading direction
 * become U+FFFD, so that no name moves a cursor, hides a line or forges one.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function terminalText(text: string): string {
  return text.replace(UNSAFE, "\uFFFD");
}

/** The same for a text of several lines of our own. */
export function terminalLines(text: string): string {
  return text.split("\n").map(terminalText).join("\n");
}

/** JSON in which these characters are escaped, which `JSON.stringify` does only for the first 32. */
export function safeJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, (character) =>
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
