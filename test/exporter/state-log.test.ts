import { expect, test } from "bun:test";
import { StateLog } from "../../src/exporter/state-log.ts";

function newLog(): { log: StateLog; lines: string[]; at: (nowMs: number) => void } {
  const lines: string[] = [];
  let nowMs = 0;
  const logger = {
    warn: (line: string) => void lines.push(`warn ${line}`),
    error: (line: string) => void lines.push(`error ${line}`),
  };
  const at = (ms: number): void => {
    nowMs = ms;
  };
  return { log: new StateLog(logger, () => nowMs), lines, at };
}

test("trouble is one line when it begins, one every 30 s while it lasts, and one when it is over", () => {
  const { log, lines, at } = newLog();
  for (let ms = 0; ms <= 65_000; ms += 100) {
    at(ms);
    log.trouble(`locked at ${ms}`, "busy");
  }
  log.recovered("over");
  log.recovered("over");
  log.trouble("no room", "full");
  expect(lines).toEqual([
    "error locked at 0",
    "error locked at 30000",
    "error locked at 60000",
    "warn over",
    "error no room",
  ]);
});

test("trouble that comes and goes many times a second is still told no more than every 30 s", () => {
  const { log, lines, at } = newLog();
  for (let ms = 0; ms < 60_000; ms += 50) {
    at(ms);
    log.trouble("locked", "busy");
    log.recovered("over");
  }
  expect(lines).toEqual(["error locked", "warn over", "error locked", "warn over"]);
});

test("the same note, but for its numbers, is told once in 30 s", () => {
  const { log, lines, at } = newLog();
  for (let ms = 0; ms < 60_000; ms += 1000) {
    at(ms);
    log.note(`${ms} of 512 spans cannot be stored`);
    log.note("another matter");
  }
  expect(lines).toEqual([
    "warn 0 of 512 spans cannot be stored",
    "warn another matter",
    "warn 30000 of 512 spans cannot be stored",
    "warn another matter",
  ]);
});

test("a logger that throws harms nobody", () => {
  const broken = (): never => {
    throw new Error("no log");
  };
  const log = new StateLog({ warn: broken, error: broken }, () => 0);
  log.trouble("a");
  log.recovered("b");
  log.note("c");
  log.lost("d");
  expect(log).toBeInstanceOf(StateLog);
});
