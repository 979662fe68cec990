import { expect, test } from "bun:test";
import { join } from "node:path";
import * as attributes from "../src/otel/attributes.ts";
import { MIGRATIONS } from "../src/store/schema.ts";

const ROOT = join(import.meta.dir, "..");
const OTLP = await Bun.file(join(ROOT, "docs/otlp.md")).text();
const CLICKHOUSE = await Bun.file(join(ROOT, "docs/clickhouse.md")).text();

test("docs/otlp.md names every flag of spanledger forward", async () => {
  const main = join(ROOT, "src/cli/main.ts");
  const child = Bun.spawn([process.execPath, main, "forward", "--help"]);
  const help = await new Response(child.stdout).text();
  const [own = ""] = help.split("\nGlobal Options:");
  const flags = [...own.matchAll(/--[a-z-]+/g)].map(([flag]) => flag).filter((f) => f !== "--help");
  expect(flags).not.toEqual([]);
  for (const flag of flags) expect(OTLP).toContain(flag);
});

test("docs/otlp.md asks for columns that there are", () => {
  const schema = MIGRATIONS.join("\n");
  const queries = [...OTLP.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = ""]) => sql).join(" ");
  const names = [...queries.matchAll(/[a-z]+(?:_[a-z]+)+/g)].map(([name]) => name);
  expect(names).not.toEqual([]);
  for (const name of names) expect(schema).toContain(name);
});

test("docs/clickhouse.md asks for attributes that spans have", () => {
  const known = new Set<unknown>(Object.values(attributes));
  const names = [...CLICKHOUSE.matchAll(/'((?:gen_ai|spanledger|vcs)\.[a-z_.]+)'/g)];
  expect(names).not.toEqual([]);
  for (const [, name] of names) expect(known).toContain(name);
});
