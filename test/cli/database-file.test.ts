import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { Store } from "../../src/store/store.ts";
import { ACME_NOW_MS, writeAcme } from "../support/acme.ts";
import { commandLine } from "../support/command-line.ts";
import { createSampleDatabase } from "../support/sample-database.ts";
import { createSchemaVersion } from "../support/schema-fixture.ts";
import { spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

const READING = [
  ["report"],
  ["report", "--compare", "7d"],
  ["runs"],
  ["trace", "latest"],
  ["tail"],
  ["sql", "SELECT 1"],
  ["schema"],
  ["forward", "--dry-run"],
];
const UPKEEP = [["maintain"], ["maintain", "--dry-run"], ["doctor"], ["backup", "copy.db"]];

/** What every one of the commands says of a file, with the path written as FILE. */
async function refusal(
  name: string,
  make: (path: string) => void,
  commands = [...READING, ...UPKEEP],
): Promise<string> {
  const path = join(tempDir(), name);
  make(path);
  const messages = new Set<string>();
  for (const command of commands) {
    const { exitCode, out, error } = await commandLine(["--db", path, ...command]);
    expect([command, exitCode, out]).toEqual([command, 1, ""]);
    messages.add(error.replaceAll(path, "FILE").replace("Cannot open", "Cannot read"));
  }
  expect([...messages]).toHaveLength(1);
  return [...messages].join("");
}

describe("each command, in one sentence and with exit code 1, refuses", () => {
  test("a missing file", async () => {
    expect(await refusal("t.db", () => {})).toMatchInlineSnapshot(
      `"There is no database at FILE yet. Run something with telemetry first, or name another file."`,
    );
  });

  test("a directory", async () => {
    expect(await refusal("d", (path) => mkdirSync(path))).toMatchInlineSnapshot(
      `"FILE is a directory; give the path of a file."`,
    );
  });

  test("an empty file", async () => {
    expect(await refusal("t.db", (path) => writeFileSync(path, ""))).toMatchInlineSnapshot(
      `"FILE is empty: nothing was written to it yet."`,
    );
  });

  test("a file that is no database", async () => {
    const text = "hello ".repeat(1000);
    expect(await refusal("t.db", (path) => writeFileSync(path, text))).toMatchInlineSnapshot(
      `"Cannot read FILE: file is not a database (the file is damaged or no SQLite database)"`,
    );
  });

  test("another program's database", async () => {
    const make = (path: string): void => {
      const db = new Database(path);
      db.run("CREATE TABLE t (a)");
      db.close(true);
    };
    expect(await refusal("t.db", make)).toMatchInlineSnapshot(
      `"FILE is not a spanledger database; name another file."`,
    );
  });

  test("an older schema", async () => {
    const message = await refusal("t.db", (path) => createSchemaVersion(path, 1), READING);
    expect(message.replace(`to ${MIGRATIONS.length}.`, "to N.")).toMatchInlineSnapshot(
      `"FILE has the older schema version 1: start the host once, or run spanledger maintain, to bring it to N."`,
    );
  });

  test("a newer schema", async () => {
    const make = (path: string): void => {
      writeAcme(path);
      const db = new Database(path);
      db.run("PRAGMA user_version = 999");
      db.close(true);
    };
    const message = await refusal("t.db", make, READING);
    expect(message.replace(`knows ${MIGRATIONS.length}`, "knows N")).toMatchInlineSnapshot(
      `"FILE has schema version 999, and this spanledger knows N: update spanledger."`,
    );
  });
});

/** The rows of every table and index are overwritten; what SQLite reads first, the schema, is whole. */
function damageRows(path: string): void {
  createSampleDatabase(path, { seed: 1, runs: 200, lastMs: ACME_NOW_MS, days: 3, repos: 2 });
  const db = new Database(path);
  const size = Number(db.query("PRAGMA page_size").values().flat()[0]);
  const roots = db.query("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0").values().flat();
  db.close(true);
  const bytes = readFileSync(path);
  for (const root of roots.map(Number)) bytes.fill(0xee, (root - 1) * size, root * size);
  writeFileSync(path, bytes);
}

test("a damaged file is a sentence, wherever the damage is met", async () => {
  const path = join(tempDir(), "t.db");
  damageRows(path);
  for (const command of READING) {
    if (["sql", "schema"].includes(command[0] ?? "")) continue;
    const { exitCode, error } = await commandLine(["--db", path, ...command]);
    expect([command, exitCode, error]).toEqual([
      command,
      1,
      `Cannot read ${path}: database disk image is malformed (the file is damaged or no SQLite database)`,
    ]);
  }
});

test("a calendar other than UTC's is no trouble where there is nothing to date", async () => {
  const path = join(tempDir(), "t.db");
  new Store({ path, writer: "w", busyTimeoutMs: 1000 }).close();
  const args = ["--db", path, "report", "--by", "day", "--tz", "Europe/Berlin"];
  expect(await commandLine(args)).toEqual({
    exitCode: 0,
    out: "No runs in this period.",
    error: "",
  });
});

describe("a database without runs", () => {
  test("is no failure", async () => {
    const path = join(tempDir(), "t.db");
    new Store({ path, writer: "w", busyTimeoutMs: 1000 }).close();
    expect(await commandLine(["--db", path, "report"])).toEqual({
      exitCode: 0,
      out: "No runs in this period.",
      error: "",
    });
    expect((await commandLine(["--db", path, "runs"])).out).toBe("No such runs in the file.");
    const { out } = await commandLine(["--db", path, "report", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ groups: [], total: { runs: 0, costUsd: null } });
    expect((await commandLine(["--db", path, "trace", "latest"])).exitCode).toBe(1);
  });

  test("but with other spans shows their trace", async () => {
    const path = join(tempDir(), "t.db");
    const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
    store.write([spanRow({ trace: "web", name: "GET /" })], ACME_NOW_MS);
    store.close();
    expect((await commandLine(["--db", path, "report"])).out).toBe("No runs in this period.");
    const { out: ids } = await commandLine([
      "--db",
      path,
      "sql",
      "SELECT trace_id FROM spans",
      "--json",
    ]);
    const [{ trace_id }] = JSON.parse(ids);
    expect((await commandLine(["--db", path, "trace", trace_id])).out).toContain("GET /");
  });
});

test("the file is that of --db, else of TELEMETRY_DB_PATH, else ./data/telemetry.db", async () => {
  const error = async (args: string[], environment: Record<string, string>): Promise<string> =>
    (await commandLine([...args, "report"], { environment })).error;
  expect(await error(["--db", "/x/a.db"], { TELEMETRY_DB_PATH: "/x/b.db" })).toContain("/x/a.db");
  expect(await error([], { TELEMETRY_DB_PATH: "/x/b.db" })).toContain("/x/b.db");
});
