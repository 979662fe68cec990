/** Said at the top of each page. */
export const GENERATED = "<!-- Written by `npm run docs` from the code; edit that instead. -->";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

export function markdownTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(titles), `|${titles.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

export const code = (text: string): string => (text === "" ? "" : `\`${text}\``);
