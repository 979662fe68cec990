import type { Store } from "../../src/store/store.ts";
import { NOW_MS } from "./span-rows.ts";

/** Purges every trace that ended up to `NOW_MS`, as maintenance does two hours later. */
export function purgeAll(store: Store): void {
  const nowMs = NOW_MS + 2 * 3_600_000;
  const maintainer = store.maintainer({ retentionMs: 1, maxDbBytes: 0 });
  while (maintainer.step(nowMs + 60_000).didWork);
}
