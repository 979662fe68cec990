/**
 * The host never breaks by our doing: whatever records runs in here, and what it throws goes to
 * `onError` and no further.
 */
import { diag } from "@opentelemetry/api";

/** Told of an error in the recording itself; whatever it throws is dropped. */
export type OnError = (error: unknown) => void;

export function guarded<T>(record: () => T, onError: OnError = logToDiag): T | undefined {
  try {
    return record();
  } catch (error) {
    try {
      onError(error);
    } catch {
      // A broken logger is no reason to break the host.
    }
    return undefined;
  }
}

function logToDiag(error: unknown): void {
  diag.warn("spanledger: an execution could not be recorded in full", error);
}
