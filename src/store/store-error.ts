/** Why the file could not be used, in the classes that decide what happens next. */
export type StoreErrorKind =
  /** Another connection holds the lock: the same write works later. */
  | "busy"
  /** No room, or the disk failed: works again once somebody made room. */
  | "full"
  | "io"
  /** The file, its directory or the file system does not let us write or open. */
  | "readonly"
  | "cannot_open"
  /** The file is damaged: it is to be set aside. */
  | "corrupt"
  /** A row that SQLite will never take: its batch-mates go without it. */
  | "poison"
  /** An SQLite file of another program, or one that a newer version wrote: never touched. */
  | "foreign"
  | "newer"
  | "older"
  | "unknown";

/** An error of the store: what was tried, on which file, why it failed and what to do about it. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  readonly path: string;

  constructor(kind: StoreErrorKind, path: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreError";
    this.kind = kind;
    this.path = path;
  }
}

/** SQLite's primary result codes (the low byte), https://sqlite.org/rescode.html. */
const KIND_BY_PRIMARY_CODE: Readonly<Record<number, StoreErrorKind>> = {
  3: "readonly", // PERM
  5: "busy",
  6: "busy", // LOCKED
  8: "readonly",
  10: "io",
  11: "corrupt",
  13: "full",
  14: "cannot_open",
  15: "busy", // PROTOCOL: the WAL's locking gave up for now
  18: "poison", // TOOBIG
  19: "poison", // CONSTRAINT
  20: "poison", // MISMATCH
  23: "readonly", // AUTH
  26: "corrupt", // NOTADB
};

/** IOERR_WRITE (778) and IOERR_SHMSIZE (4874) are what a full disk or a quota looks like in WAL mode. */
const FULL_EXTENDED_CODES = new Set([778, 4874]);

const HINTS: Readonly<Record<StoreErrorKind, string>> = {
  busy: "another process holds the write lock; it is tried again",
  full: "the disk or its quota is full; free some space and writing resumes",
  io: "the disk reported an error; check it",
  readonly: "the file or its directory is not writable for this user",
  cannot_open: "check that the directory exists, is a directory and is writable for this user",
  corrupt: "the file is damaged or no SQLite database",
  poison: "SQLite does not accept this row",
  foreign: "choose another path: it is not a spanledger database",
  newer: "update spanledger, or choose another path",
  older: "start the host once to bring it up to date",
  unknown: "see the cause",
};

/** What the file system says while directory and file are made. */
const KIND_BY_SYSTEM_CODE: Readonly<Record<string, StoreErrorKind>> = {
  EACCES: "readonly",
  EPERM: "readonly",
  EROFS: "readonly",
  ENOSPC: "full",
  EDQUOT: "full",
  EIO: "io",
  EMFILE: "cannot_open",
  ENFILE: "cannot_open",
  ENOENT: "cannot_open",
  ENOTDIR: "cannot_open",
  EEXIST: "cannot_open",
};

/** Not SQLite's word but JavaScript's, about a value: the same again next time. */
const VALUE_ERRORS = [TypeError, RangeError, SyntaxError] as const;

function kindOf(error: unknown): StoreErrorKind {
  if (VALUE_ERRORS.some((type) => error instanceof type)) return "poison";
  if (typeof error === "object" && error !== null && "code" in error) {
    const kind = KIND_BY_SYSTEM_CODE[String(error.code)];
    if (kind) return kind;
  }
  const code = typeof error === "object" && error !== null && "errno" in error ? error.errno : 0;
  if (typeof code !== "number") return "unknown";
  if (FULL_EXTENDED_CODES.has(code)) return "full";
  return KIND_BY_PRIMARY_CODE[code & 0xff] ?? "unknown";
}

/** Turns whatever SQLite or the file system threw into a `StoreError` that says what to do. */
export function toStoreError(operation: string, path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const kind = kindOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreError(kind, path, `${operation} ${path}: ${reason} (${HINTS[kind]})`, error);
}
