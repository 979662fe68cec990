/** The pages that come from the code. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PAGES } from "../docs/pages.ts";

const ROOT = join(import.meta.dirname, "..");

for (const [name, page] of Object.entries(PAGES)) {
  test(`docs/${name} says what the code says (npm run docs writes it anew)`, async () => {
    expect(await Bun.file(join(ROOT, "docs", name)).text()).toBe(await page());
  });
}

test("no link between the pages leads nowhere", async () => {
  const names = [...readdirSync(ROOT), ...readdirSync(join(ROOT, "docs")).map((n) => `docs/${n}`)];
  const pages = names.filter((name) => name.endsWith(".md"));
  expect(pages.length).toBeGreaterThan(5);
  for (const name of pages) {
    const text = await Bun.file(join(ROOT, name)).text();
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      const found = await Bun.file(join(ROOT, name, "..", target)).exists();
      const isFolder =
        target.endsWith("/") && readdirSync(join(ROOT, name, "..", target)).length > 0;
      expect([name, target, found || isFolder]).toEqual([name, target, true]);
    }
  }
});
