/** Just enough of SQL's grammar to know where one statement ends, and with which word it begins. */

/** Strings, quoted names and comments; what is not closed goes to the end. */
const QUIET =
  /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;

/** The same text, as long, with comments blank and nothing within quotes: for looking at, not for running. */
function bare(sql: string): string {
  return sql.replace(QUIET, (part) => (/^(--|\/\*)/.test(part) ? " " : "'").repeat(part.length));
}

/** The statements of a text, without the semicolons between them. */
export function statementsOf(sql: string): string[] {
  const statements: string[] = [];
  let from = 0;
  for (const part of bare(sql).split(";")) {
    const to = from + part.length;
    if (part.trim() !== "") statements.push(sql.slice(from, to));
    from = to + 1;
  }
  return statements;
}

/** A statement's first word in lower case; empty where there is none. */
export function firstWord(statement: string): string {
  return (/^\s*([a-z]+)/i.exec(bare(statement))?.[1] ?? "").toLowerCase();
}
