/** The public API says of each thing what it is. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const SRC = join(import.meta.dirname, "..", "src");

interface Export {
  name: string;
  file: string;
}

async function exportsOfIndex(): Promise<Export[]> {
  const index = await Bun.file(join(SRC, "index.ts")).text();
  return [...index.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gm)].flatMap(
    ([, names = "", file = ""]) =>
      names
        .split(",")
        .map((name) => name.replace("type ", "").trim())
        .filter(Boolean)
        .map((name) => ({ name, file })),
  );
}

/** Fields that a name alone does not explain: those with a unit, and those that may be left out. */
const NEEDS_WORDS = /(?:Ms|Usd|Tokens|Days|Bytes|Share|Requests|Turns|\?)$/;

/** The declaration and, of an interface, the fields that stand without the docstring they need. */
function undocumented(source: string, name: string): string[] {
  const declaration = `export (?:async )?(?:type|interface|class|function|const) ${name}\\b`;
  const found = new RegExp(`(\\*/\\n)?${declaration}`).exec(source);
  const body = new RegExp(`^export interface ${name}\\b[^{]*{\\n(.*?)^}`, "ms").exec(source)?.[1];
  const fields = [...`\n${body ?? ""}`.matchAll(/(.*)\n {2}(?:readonly )?(\w+\??)[:(<]/g)]
    .filter(([, before = ""]) => !before.trimEnd().endsWith("*/"))
    .map(([, , field = ""]) => field)
    .filter((field) => NEEDS_WORDS.test(field))
    .map((field) => `${name}.${field}`);
  return [...(found?.[1] ? [] : [name]), ...fields];
}

test("everything that is exported has a docstring, and so has each field with a unit or a default", async () => {
  const missing: string[] = [];
  const exported = await exportsOfIndex();
  expect(exported.length).toBeGreaterThan(20);
  for (const { name, file } of exported) {
    missing.push(...undocumented(await Bun.file(join(SRC, file)).text(), name));
  }
  expect(missing).toEqual([]);
});
