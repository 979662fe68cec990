/**
 * Writes runs from a number on, span by span, purges all there is in between, and says which runs are
 * in the file: until it is killed. `bun purging-writer.ts PATH FIRST_TRACE FIRST_RUN`
 */
import { Store } from "../../src/store/store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { execution, modelUsage, NOW_MS, spanRow, usage } from "../support/span-rows.ts";

const [path = "", firstTrace, firstRun] = process.argv.slice(2);
const LATER_MS = NOW_MS + 2 * 3_600_000;

/** As hosts do: a lock is only a reason to try again. */
function whenFree<T>(run: () => T): T {
  for (;;) {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== "busy") throw error;
      Bun.sleepSync(2);
    }
  }
}

const store = whenFree(() => new Store({ path, writer: crypto.randomUUID(), busyTimeoutMs: 500 }));
const maintainer = store.maintainer({ retentionMs: 1, maxDbBytes: 0, isCommand: true });

for (let run = Number(firstRun); ; run += 1) {
  const trace = Number(firstTrace) + run;
  const place = { trace, endMs: NOW_MS };
  const call = usage({ models: [modelUsage({ reportedCostNanoUsd: 7 })], responseId: `r${trace}` });
  const account = modelUsage({ reportedCostNanoUsd: 1000 + run });
  const own = execution({ agentName: `agent-${trace}` });
  const spans = [
    spanRow({ ...place, span: 5, parent: 1, usage: call }),
    spanRow({ ...place, span: 1, parent: 0, usage: usage({ scope: "ledger", models: [account] }) }),
    spanRow({ ...place, span: 0, execution: own }),
  ];
  if (run % 3 === 0) spans.reverse();
  for (const span of spans) {
    whenFree(() => store.write([span], NOW_MS));
    if (Math.random() < 0.5) for (let step = 0; step < 4; step += 1) maintainer.step(LATER_MS);
  }
  console.log(run);
}
