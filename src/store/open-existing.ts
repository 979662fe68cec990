import { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { fileIdentity } from "./file-identity.ts";
import { APPLICATION_ID } from "./schema.ts";
import { StoreError, toStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 5000;

/**
 * Opens a file of ours, of any schema version, read-only.
 * @throws {StoreError} where there is none at the path, or another program's.
 */
export function openExisting(path: string): Database {
  if (!existsSync(path) || statSync(path).isDirectory()) {
    throw new StoreError("cannot_open", path, `There is no database at ${path}.`);
  }
  let db: Database | undefined;
  try {
    db = new Database(path, { readonly: true });
    db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    db.run("PRAGMA trusted_schema = OFF");
    db.run("PRAGMA cell_size_check = ON");
    if (fileIdentity(db).applicationId === APPLICATION_ID) return db;
  } catch (error) {
    db?.close(true);
    throw toStoreError("Cannot open", path, error);
  }
  db.close(true);
  throw new StoreError("foreign", path, `${path} is not a spanledger database.`);
}
