/** Writes the pages that come from the code. `npm run docs`; a test fails where a page has drifted. */
import { PAGES } from "./pages.ts";

for (const [name, page] of Object.entries(PAGES)) {
  await Bun.write(new URL(name, import.meta.url), await page());
}
