/** A process to be killed: does one kind of work on a file over and over, and says when it has begun. */
import { rmSync } from "node:fs";
import { backup } from "../../src/store/backup.ts";
import { openDatabase } from "../../src/store/database.ts";
import { Store } from "../../src/store/store.ts";

const [, , work, path = "", other = "", nowText = "0"] = process.argv;
const nowMs = Number(nowText);

function maintain(): void {
  const store = new Store({ path, writer: `child-${process.pid}`, busyTimeoutMs: 5000 });
  const options = { retentionMs: 1, maxDbBytes: 0, isCommand: true };
  const maintainer = store.maintainer(options);
  console.log("begun");
  while (maintainer.step(nowMs).didWork);
  store.close();
}

function checkpoint(): void {
  const store = new Store({ path, writer: `child-${process.pid}`, busyTimeoutMs: 5000 });
  console.log("begun");
  for (let drops = 1; drops < 5000; drops++) {
    store.recordDrops({ test: drops }, nowMs);
    store.checkpoint(nowMs);
  }
  store.close();
}

function backups(): void {
  console.log("begun");
  for (let i = 0; i < 100; i++) {
    rmSync(other, { force: true });
    backup(path, other);
  }
}

function migrate(): void {
  console.log("begun");
  openDatabase(path, 5000).close(true);
}

const WORK: Readonly<Record<string, () => void>> = { maintain, checkpoint, backups, migrate };
WORK[work ?? ""]?.();
