/** Real files for the tests of the store, and what is in them. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { SpanRow } from "../../src/store/rows.ts";
import { Store } from "../../src/store/store.ts";
import { NOW_MS } from "./span-rows.ts";
import { useTempDir } from "./temp-dir.ts";

export interface Stores {
  tempDir(): string;
  /** On a new file where no path is given. */
  openStore(path?: string, writer?: string): Store;
  /** Writes batches to a new file, one after the other. @returns its path. */
  written(...batches: SpanRow[][]): string;
}

/** Gives each test files of its own, and removes them after it. Call it at the top of a test file. */
export function useStores(): Stores {
  const tempDir = useTempDir();
  const openStore = (path = join(tempDir(), "t.db"), writer = "w1"): Store =>
    new Store({ path, writer, busyTimeoutMs: 1000 });
  const written = (...batches: SpanRow[][]): string => {
    const store = openStore();
    for (const batch of batches) store.write(batch, NOW_MS);
    store.close();
    return store.path;
  };
  return { tempDir, openStore, written };
}

export function query<T>(path: string, sql: string): T[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.query(sql).all() as T[];
  } finally {
    db.close(true);
  }
}
