/** Just enough of SQL's grammar to know where one statement ends, and with which word it begins. */

/** Strings, quoted names and comments; what is not closed goes to the end. */
const QUIET =
  /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;

/** The same text with comments gone, and nothing within quotes: for looking at, not for running. */
function bare(sql: string): string {
  return sql.replace(QUIET, (part) => (/^(--|\/\*)/.test(part) ? " " : "''"));
}

/** The statement's first word in lower case; empty where there is none. */
export function firstWord(sql: string): string {
  return (/^[\s;]*([a-z]+)/i.exec(bare(sql))?.[1] ?? "").toLowerCase();
}

/** Whether there is more than one statement. */
export function isSeveral(sql: string): boolean {
  return (
    bare(sql)
      .split(";")
      .filter((part) => part.trim() !== "").length > 1
  );
}
