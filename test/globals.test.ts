import { expect, test } from "bun:test";
import { diag } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { registerGlobals } from "../src/globals.ts";

test("what a component says through diag reaches the logger with its name and its message", () => {
  const lines: string[] = [];
  const logger = { warn: (line: string) => void lines.push(line), error: () => undefined };
  const unregister = registerGlobals(new BasicTracerProvider(), logger);
  try {
    diag.createComponentLogger({ namespace: "parts" }).warn("cannot be loaded", 42);
  } finally {
    unregister();
  }
  expect(lines).toEqual(["parts cannot be loaded 42"]);
});
