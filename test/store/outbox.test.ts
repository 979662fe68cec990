import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Outbox } from "../../src/store/outbox.ts";
import { previewOutbox } from "../../src/store/outbox-preview.ts";
import { openReader } from "../../src/store/reader.ts";
import type { SpanRow } from "../../src/store/rows.ts";
import { Store } from "../../src/store/store.ts";
import { NOW_MS, type SpanRowChanges, spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const DAY_MS = 86_400_000;
const MANY = 1_000_000;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const item of open.splice(0).reverse()) item.close();
});

interface Files {
  path: string;
  store: Store;
  outbox: Outbox;
}

function setup(): Files {
  const path = join(tempDir(), "t.db");
  const store = new Store({ path, writer: "w", busyTimeoutMs: 100 });
  const outbox = new Outbox({ path, url: "http://a/v1/traces", busyTimeoutMs: 100 });
  open.push(store, outbox);
  return { path, store, outbox };
}

function row(n: number, changes: SpanRowChanges = {}): SpanRow {
  return spanRow({ trace: n, span: n, name: `span ${n}`, ...changes });
}

function maintain(store: Store, maxDbBytes = 0): void {
  const maintainer = store.maintainer({ retentionMs: DAY_MS, maxDbBytes });
  while (maintainer.step(NOW_MS).didWork);
}

const namesOf = (outbox: Outbox): string[] =>
  outbox.read(0, MANY, MANY).map(({ shape }) => shape.name);

describe("reading", () => {
  test("gives back what was written, name and keys of a shape without room included", () => {
    const { store, outbox } = setup();
    const written = row(1, { parent: 2, detail: '{"keys":["k"],"name":"own"}' });
    store.write([written], NOW_MS);
    const { facts: _, ...record } = written;
    expect(outbox.read(0, MANY, MANY)).toEqual([{ id: 1, ...record }]);
  });

  test("stops at the bounds, but always gives one span", () => {
    const { store, outbox } = setup();
    const attributeValues = JSON.stringify(["x".repeat(1000)]);
    const rows = Array.from({ length: 10 }, (_, n) => row(n, { attributeValues }));
    store.write(rows, NOW_MS);
    expect(outbox.read(0, 3, MANY)).toHaveLength(3);
    expect(outbox.read(0, MANY, 5100)).toHaveLength(5);
    expect(outbox.read(0, MANY, 10)).toHaveLength(1);
    expect(outbox.read(10, MANY, MANY)).toEqual([]);
  });

  test("passes over traces that were purged, although their rows are still there", () => {
    const { path, store, outbox } = setup();
    store.write([row(1), row(2), row(3)], NOW_MS);
    const db = new Database(path);
    db.run("DELETE FROM traces WHERE id IN (1, 2)");
    db.close(true);
    expect(outbox.read(0, 1, MANY).map(({ shape }) => shape.name)).toEqual(["span 3"]);
    expect(outbox.pending(0)).toBe(1);
  });
});

describe("retention", () => {
  const write = ({ store }: Files): void => {
    store.write([row(1, { endMs: NOW_MS - 3 * DAY_MS })], NOW_MS);
    store.write([row(2, { endMs: NOW_MS - 2 * DAY_MS })], NOW_MS);
    store.write([row(3)], NOW_MS);
  };
  /** A forwarder was at work until then. */
  const forwarded = ({ outbox }: Files, untilMs: number): boolean =>
    outbox.hold("1:test", untilMs, untilMs, () => true);
  const confirm = ({ outbox }: Files, cursor: number): boolean =>
    outbox.confirm(outbox.position(), { cursor, accepted: 1, refusals: [] }, NOW_MS);

  test("waits for the cursor where it is told to", () => {
    const files = setup();
    write(files);
    files.outbox.holdRetention(true);
    forwarded(files, NOW_MS - DAY_MS + 1);
    confirm(files, 1);
    maintain(files.store);
    expect(namesOf(files.outbox)).toEqual(["span 2", "span 3"]);
    confirm(files, 3);
    files.store.maintainer({ retentionMs: DAY_MS, maxDbBytes: 0 }).step(NOW_MS);
    expect(namesOf(files.outbox)).toEqual(["span 3"]);
  });

  test("waits no longer for a destination that nobody has forwarded to for as long as it keeps traces", () => {
    const files = setup();
    write(files);
    files.outbox.holdRetention(true);
    forwarded(files, NOW_MS - DAY_MS - 1);
    maintain(files.store);
    expect(namesOf(files.outbox)).toEqual(["span 3"]);
  });

  test("does not wait where it is not", () => {
    const files = setup();
    write(files);
    maintain(files.store);
    expect(namesOf(files.outbox)).toEqual(["span 3"]);
  });

  test("by size goes before the cursor", () => {
    const files = setup();
    files.outbox.holdRetention(true);
    forwarded(files, NOW_MS);
    const attributeValues = JSON.stringify(["x".repeat(4000)]);
    const rows = Array.from({ length: 2000 }, (_, n) =>
      row(n, { attributeValues, endMs: NOW_MS - 3 * DAY_MS + n }),
    );
    files.store.write(rows, NOW_MS);
    maintain(files.store, 5_000_000);
    const left = files.outbox.read(0, MANY, MANY * 100).map(({ shape }) => shape.name);
    expect(left.length).toBeWithin(1, 2000);
    expect(left.at(-1)).toBe("span 1999");
  });
});

describe("confirming", () => {
  test("counts all refusals, and keeps the latest ones by name", () => {
    const { path, store, outbox } = setup();
    store.write([row(1)], NOW_MS);
    const refusals = Array.from({ length: 10_050 }, (_, n) => ({
      traceId: "t",
      spanId: String(n),
      spans: 2,
      reason: "\u0000bad",
    }));
    outbox.confirm(outbox.position(), { cursor: 1, accepted: 0, refusals }, NOW_MS);
    using reader = openReader(path);
    expect(reader.all("SELECT cursor, accepted, refused FROM forward_destinations")).toEqual([
      { cursor: 1, accepted: 0, refused: 20_100 },
    ]);
    expect(
      reader.all(
        "SELECT count(*) AS n, min(span_id) AS first, min(reason) AS reason FROM forward_refusals",
      ),
    ).toEqual([{ n: 10_000, first: "100", reason: "\uFFFDbad" }]);
  });

  test("never moves the cursor back", () => {
    const { store, outbox } = setup();
    store.write([row(1), row(2)], NOW_MS);
    const from = outbox.position();
    outbox.confirm(from, { cursor: 2, accepted: 2, refusals: [] }, NOW_MS);
    outbox.confirm(from, { cursor: 1, accepted: 1, refusals: [] }, NOW_MS);
    expect(outbox.position().cursor).toBe(2);
  });
});

test("a damaged file is named, with what it is", () => {
  const { path, store } = setup();
  const attributeValues = JSON.stringify(["x".repeat(500)]);
  store.write(
    Array.from({ length: 2000 }, (_, n) => row(n, { attributeValues })),
    NOW_MS,
  );
  for (const item of open.splice(0).reverse()) item.close();
  const damagedBytes = 100 * 4096;
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(damagedBytes, 0x5a), 0, damagedBytes, 120 * 4096);
  closeSync(file);
  const outbox = new Outbox({ path, url: "http://a/v1/traces", busyTimeoutMs: 100 });
  open.push(outbox);
  const message = `Cannot read ${path}: database disk image is malformed (the file is damaged`;
  expect(() => outbox.pending(0)).toThrow(message);
  expect(() => outbox.read(0, MANY, MANY)).toThrow(message);
});

test("a file that was moved away is not read on as if it were still there", () => {
  const { path, outbox } = setup();
  renameSync(path, `${path}.aside`);
  expect(() => outbox.position()).toThrow(`${path} was moved or deleted while it was read`);
});

test("a preview counts what would be sent, from the cursor or from a time on", () => {
  const { path, store, outbox } = setup();
  for (let day = 1; day <= 3; day++) {
    store.write([row(day, { endMs: NOW_MS + day * DAY_MS })], NOW_MS + day * DAY_MS);
  }
  outbox.confirm(outbox.position(), { cursor: 1, accepted: 1, refusals: [] }, NOW_MS);
  using reader = openReader(path);
  const preview = (url: string, sinceMs: number | null) => previewOutbox(reader, url, sinceMs);
  const last = NOW_MS + 3 * DAY_MS;
  expect(preview("http://a/v1/traces", null)).toEqual({
    spans: 2,
    firstEndMs: NOW_MS + 2 * DAY_MS,
    lastEndMs: last,
  });
  expect(preview("http://b/v1/traces", null).spans).toBe(3);
  expect(preview("http://a/v1/traces", last)).toEqual({
    spans: 1,
    firstEndMs: last,
    lastEndMs: last,
  });
  expect(preview("http://a/v1/traces", last + 1).spans).toBe(0);
});
