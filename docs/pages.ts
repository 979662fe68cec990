/** The pages of `docs` that come from the code, by file name. */
import { cliPage } from "./pages/cli.ts";
import { configurationPage } from "./pages/configuration.ts";
import { schemaPage } from "./pages/schema.ts";

export const PAGES: Readonly<Record<string, () => Promise<string>>> = {
  "cli.md": cliPage,
  "configuration.md": configurationPage,
  "schema.md": schemaPage,
};
