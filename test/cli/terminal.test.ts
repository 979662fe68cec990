import { expect, test } from "bun:test";
import { terminalOf } from "../../src/cli/terminal.ts";

const TTY = { isTTY: true, columns: 80 };

test("colours are for a terminal, but for who says otherwise", () => {
  const colors = (stdout: { isTTY?: boolean }, environment: Record<string, string>): boolean =>
    terminalOf(stdout, environment).hasColor;
  expect(colors(TTY, {})).toBe(true);
  expect(colors({}, {})).toBe(false);
  expect(colors(TTY, { NO_COLOR: "1" })).toBe(false);
  expect(colors(TTY, { NO_COLOR: "" })).toBe(true);
  expect(colors(TTY, { TERM: "dumb" })).toBe(false);
  expect(colors({}, { FORCE_COLOR: "1" })).toBe(true);
  expect(colors(TTY, { FORCE_COLOR: "0" })).toBe(false);
  expect(colors(TTY, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(true);
});

test("forced colours make no terminal of a pipe: it gets no bars, and whole lines", () => {
  expect(terminalOf({}, { FORCE_COLOR: "1" })).toEqual({
    isInteractive: false,
    hasColor: true,
    columns: 100,
  });
  expect(terminalOf(TTY, {})).toMatchObject({ isInteractive: true, columns: 80 });
});
