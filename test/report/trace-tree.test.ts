import { expect, test } from "bun:test";
import { join } from "node:path";
import { readTrace, TraceNotFoundError, type TraceSpan } from "../../src/report/trace-tree.ts";
import { openReader } from "../../src/store/reader.ts";
import { Store } from "../../src/store/store.ts";
import { execution, NOW_MS, type SpanRowChanges, spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

function write(...rows: SpanRowChanges[]): string {
  const path = join(tempDir(), "t.db");
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  store.write(rows.map(spanRow), NOW_MS);
  store.close();
  return path;
}

function read(path: string, id = "latest"): ReturnType<typeof readTrace> {
  using reader = openReader(path);
  return readTrace(reader, id);
}

const names = (spans: readonly TraceSpan[]): unknown[] =>
  spans.map(({ name, children }) => (children.length > 0 ? [name, names(children)] : name));

const RUN: SpanRowChanges = { span: "run", name: "run", execution: execution() };

test("a span whose parent is not in the file is a root", () => {
  const path = write(RUN, { span: "a", parent: "gone", name: "a" });
  expect(names(read(path).roots)).toEqual(["run", "a"]);
});

test("spans that are their own ancestors are still shown, each once", () => {
  const path = write(
    RUN,
    { span: "self", parent: "self", name: "self" },
    { span: "a", parent: "c", name: "a" },
    { span: "b", parent: "a", name: "b" },
    { span: "c", parent: "b", name: "c" },
    { span: "d", parent: "c", name: "d" },
  );
  const { roots, spans } = read(path);
  const flat = JSON.stringify(names(roots)).match(/[a-z]+/g) ?? [];
  expect(flat.toSorted()).toEqual(["a", "b", "c", "d", "run", "self"]);
  expect(spans).toBe(6);
});

test("a chain of ten thousand spans breaks no stack", () => {
  const chain = Array.from({ length: 10_000 }, (_, i) => ({
    span: i,
    parent: i - 1,
    name: "link",
  }));
  const path = write(RUN, ...chain);
  const { roots } = read(path);
  expect(JSON.stringify(roots).match(/"link"/g)).toHaveLength(10_000);
});

test("what is no single trace is an error that names the candidates", () => {
  const path = write(
    ...Array.from({ length: 40 }, (_, trace): SpanRowChanges => ({ ...RUN, trace, span: trace })),
  );
  using reader = openReader(path);
  const ids = reader.values("SELECT trace_id FROM executions").map(([id]) => String(id));
  // A digit alone is the id of a run, if there is such a run.
  const letters = ids.map((id) => id.charAt(0)).filter((first) => /[a-f]/.test(first));
  const shared = letters.find((first, index) => letters.indexOf(first) < index) ?? "";
  expect(shared).not.toBe("");
  expect(() => readTrace(reader, shared)).toThrow(/stands for several traces/);
  expect(() => readTrace(reader, "not an id")).toThrow(TraceNotFoundError);
  expect(() => readTrace(reader, "99999")).toThrow('No trace and no run goes by "99999".');
  expect(readTrace(reader, "40").traceId).toBe(ids[39] ?? "");
});
