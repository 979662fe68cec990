import { expect, test } from "bun:test";
import type { Execution, ExecutionResult } from "../../src/otel/execution.ts";
import { instrumentExecutor } from "../../src/otel/instrument-executor.ts";
import { recordSpans } from "../support/recording-tracer.ts";

interface Job {
  repo: string;
  number: number;
}

class Reviewer {
  readonly kind = "reviewer";
  limit = 3;
  #reviewed = 0;

  async execute(job: Job): Promise<ExecutionResult> {
    this.#reviewed++;
    if (job.number < 0) throw new RangeError("no such pull request");
    return { conclusion: "success", numTurns: job.number };
  }

  get reviewed(): number {
    return this.#reviewed;
  }

  describe(): string {
    return `${this.kind} ${this.#reviewed}`;
  }
}

const describeJob = (job: Job): Execution => ({
  name: "reviewer",
  repo: job.repo,
  prNumber: job.number,
});

test("every execute is an execution, described from its context", async () => {
  const recording = recordSpans();
  const executor = instrumentExecutor(recording.tracer, new Reviewer(), { describe: describeJob });
  expect(await executor.execute({ repo: "o/r", number: 7 })).toEqual({
    conclusion: "success",
    numTurns: 7,
  });
  await executor.execute({ repo: "o/r", number: 8 });
  expect(recording.executions().map((span) => span.attributes["vcs.change.id"])).toEqual([
    "7",
    "8",
  ]);
  expect(recording.executions()[0]?.attributes["spanledger.num_turns"]).toBe(7);
});

test("an error of the executor's rejects as the very same object", async () => {
  const recording = recordSpans();
  const failing = { error: new Error("no"), execute: (_: Job) => Promise.reject(failing.error) };
  const executor = instrumentExecutor(recording.tracer, failing, { describe: describeJob });
  const rejected = await executor.execute({ repo: "o/r", number: 1 }).catch((error) => error);
  expect(rejected).toBe(failing.error);
  expect(recording.executions()[0]?.attributes["spanledger.conclusion"]).toBe("error");
});

test("all else of the executor works as before", async () => {
  const original = new Reviewer();
  const executor = instrumentExecutor(recordSpans().tracer, original, { describe: describeJob });
  await executor.execute({ repo: "o/r", number: 1 });
  expect(executor).toBeInstanceOf(Reviewer);
  expect(executor.reviewed).toBe(1);
  expect(executor.describe()).toBe("reviewer 1");
  expect(executor.constructor).toBe(Reviewer);
  expect(Object.keys(executor)).toEqual(Object.keys(original));
  executor.limit = 5;
  expect(original.limit).toBe(5);
});

test("what inherits from an instrumented executor has fields of its own", () => {
  const original = new Reviewer();
  const heir: Reviewer = Object.create(instrumentExecutor(recordSpans().tracer, original));
  heir.limit = 5;
  expect(heir.limit).toBe(5);
  expect(original.limit).not.toBe(5);
});

test("an execute without its object still runs on it", async () => {
  const { execute } = instrumentExecutor(recordSpans().tracer, new Reviewer());
  expect(await execute({ repo: "o/r", number: 2 })).toEqual({ conclusion: "success", numTurns: 2 });
});

test("what is no executor is refused at once", () => {
  const wrap = () => instrumentExecutor(recordSpans().tracer, undefined as never);
  expect(wrap).toThrow("instrumentExecutor: executor is undefined; it must be an object");
});

test("a frozen executor is traced as well", async () => {
  const recording = recordSpans();
  const frozen = Object.freeze({
    limit: 3,
    execute: async (_: Job): Promise<ExecutionResult> => ({ conclusion: "success" }),
  });
  const executor = instrumentExecutor(recording.tracer, frozen);
  expect(await executor.execute({ repo: "o/r", number: 1 })).toEqual({ conclusion: "success" });
  expect(executor.limit).toBe(3);
  expect(recording.executions().length).toBe(1);
});

test("a frozen executor shows what it has", () => {
  const frozen = Object.freeze({
    limit: 3,
    execute: async (_: Job): Promise<ExecutionResult> => ({ conclusion: "success" }),
  });
  const executor = instrumentExecutor(recordSpans().tracer, frozen);
  expect(Object.keys(executor)).toEqual(["limit", "execute"]);
  expect({ ...executor }).toEqual({ limit: 3, execute: executor.execute });
});

test("a method that returns its executor returns the instrumented one", async () => {
  class Configurable {
    #limit = 1;
    withLimit(limit: number): this {
      this.#limit = limit;
      return this;
    }
    async execute(_: Job): Promise<ExecutionResult> {
      return { conclusion: "success", numTurns: this.#limit };
    }
  }
  const recording = recordSpans();
  const executor = instrumentExecutor(recording.tracer, new Configurable()).withLimit(7);
  expect((await executor.execute({ repo: "o/r", number: 1 })).numTurns).toBe(7);
  expect(recording.executions().length).toBe(1);
});

test("a description that throws is told to onError, and the execution named executor", async () => {
  const recording = recordSpans();
  const errors: unknown[] = [];
  const broken = new Error("no description");
  const executor = instrumentExecutor(recording.tracer, new Reviewer(), {
    describe: () => {
      throw broken;
    },
    onError: (error) => errors.push(error),
  });
  await executor.execute({ repo: "o/r", number: 1 });
  expect(errors).toEqual([broken]);
  expect(recording.executions()[0]?.name).toBe("invoke_agent executor");
});

test("without a description the context's own fields describe it", async () => {
  const recording = recordSpans();
  const executor = instrumentExecutor(recording.tracer, {
    execute: async (_: object): Promise<ExecutionResult> => ({ conclusion: "success" }),
  });
  await executor.execute({
    name: "triage",
    repo: "o/r",
    prNumber: 4,
    eventType: "mention",
    other: 1,
  });
  await executor.execute({});
  expect(recording.executions().map((span) => span.name)).toEqual([
    "invoke_agent triage",
    "invoke_agent executor",
  ]);
  expect(recording.executions()[0]?.attributes["spanledger.event_type"]).toBe("mention");
});
