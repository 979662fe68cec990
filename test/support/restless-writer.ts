/** A process that writes a busy bot's runs as fast as it can, and looks after the file, until it is killed. */
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "./busy-bot.ts";
import { NOW_MS } from "./span-rows.ts";

const DAY_MS = 86_400_000;
const RUNS_IN_A_BATCH = 25;
const [, , path = ""] = process.argv;

const store = new Store({ path, writer: "restless", busyTimeoutMs: 1000 });
const maintainer = store.maintainer({ retentionMs: 2 * DAY_MS, maxDbBytes: 0 });
const bot = new BusyBot(7);
for (let batch = 0; ; batch++) {
  // Some runs are old enough to be purged at once.
  const endMs = NOW_MS - (batch % 4) * DAY_MS;
  store.write(Array.from({ length: RUNS_IN_A_BATCH }, () => bot.run(endMs, 20)).flat(), NOW_MS);
  maintainer.step(NOW_MS);
  if (batch === 10) console.log("writing");
}
