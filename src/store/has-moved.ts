import type { Database } from "bun:sqlite";

/** SQLITE_FCNTL_HAS_MOVED, https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html */
const HAS_MOVED = 20;

/** Whether the path of an open file leads to another one by now, or to none. */
export function hasMoved(db: Database): boolean {
  const answer = new Int32Array(2);
  db.fileControl(HAS_MOVED, answer);
  return answer[0] !== 0;
}
