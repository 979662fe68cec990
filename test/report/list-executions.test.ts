import { expect, test } from "bun:test";
import { join } from "node:path";
import { listExecutions } from "../../src/report/list-executions.ts";
import { openReader } from "../../src/store/reader.ts";
import { ACME_NOW_MS, writeAcme } from "../support/acme.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

function list(query: Parameters<typeof listExecutions>[1]): number[] {
  const path = join(tempDir(), "t.db");
  writeAcme(path);
  using reader = openReader(path);
  return listExecutions(reader, query).map(({ id }) => id);
}

test("orders, limits and filters runs", () => {
  expect(list({})).toEqual([6, 5, 4, 3, 2, 1]);
  expect(list({ order: "dearest", limit: 3 })).toEqual([4, 6, 5]);
  expect(list({ order: "slowest", limit: 1 })).toEqual([4]);
  expect(list({ isFailed: true })).toEqual([4, 1]);
  expect(list({ where: [["agent", "writer"]] })).toEqual([3, 2]);
  expect(list({ where: [["repo", null]] })).toEqual([1]);
  expect(list({ where: [["attr:team", "core"]] })).toEqual([6, 5]);
  expect(
    list({
      where: [
        ["provider", "anthropic"],
        ["event", "review"],
      ],
    }),
  ).toEqual([6, 4]);
  expect(list({ since: ACME_NOW_MS - 6 * 3_600_000 })).toEqual([6, 5]);
  expect(list({ until: new Date(ACME_NOW_MS - 100 * 3_600_000) })).toEqual([1]);
});

test("follows by id, in the order of arrival", () => {
  expect(list({ afterId: 4 })).toEqual([5, 6]);
  expect(list({ afterId: 0, limit: 2 })).toEqual([1, 2]);
});

test("an impossible query is a sentence", () => {
  expect(() => list({ order: "best" as "newest" })).toThrow(
    'listExecutions: there is no order "best"; use newest, dearest, slowest.',
  );
  expect(() => list({ limit: 0 })).toThrow("listExecutions: limit is 0");
  expect(() => list({ where: [["day", "2026-11-20"]] })).toThrow('cannot filter on "day"');
  expect(() => list({ since: Number.NaN })).toThrow("since is not a valid date");
});
