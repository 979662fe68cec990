import { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { type FileIdentity, fileIdentity, ownerOf } from "./file-identity.ts";
import { StoreError, toStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 5000;

/** @throws {StoreError} where the file is not ours. */
export function checkOwner(identity: FileIdentity, path: string): void {
  const owner = ownerOf(identity);
  if (owner === "us") return;
  if (owner === "nobody") {
    throw new StoreError("cannot_open", path, `${path} is empty: nothing was written to it yet.`);
  }
  const message = `${path} is not a spanledger database; name another file.`;
  throw new StoreError("foreign", path, message);
}

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
    checkOwner(fileIdentity(db), path);
    return db;
  } catch (error) {
    db?.close(true);
    throw toStoreError("Cannot open", path, error);
  }
}
