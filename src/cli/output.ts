/**
 * Where an answer goes. A terminal gets it through Node's stream, which knows how wide it is; a file or
 * a pipe through Bun's sink, because Node's streams take some 10 ms of a cold start to load.
 */
import { fstatSync } from "node:fs";

export interface Output {
  write(text: string | Uint8Array): void;
  /** Resolves once all is written; rejects where it could not be, but for a reader that went away. */
  written(): Promise<void>;
}

const STDOUT = 1;

/** Of a terminal, and of /dev/null. */
export function isCharacterDevice(): boolean {
  try {
    return fstatSync(STDOUT).isCharacterDevice();
  } catch {
    return false; // Closed by whoever started us.
  }
}

/** Whoever reads may have seen enough, as `head` has: that is no failure. */
function isReaderGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EPIPE";
}

/** Writes until it fails, which `onClosed` tells. */
function outputTo(
  put: (text: string | Uint8Array) => Promise<unknown>,
  onClosed: () => void,
): Output {
  let isClosed = false;
  let failure: unknown = null;
  let flushed: Promise<unknown> = Promise.resolve();
  const stop = (error: unknown): void => {
    if (isClosed) return;
    isClosed = true;
    if (!isReaderGone(error)) failure = error;
    onClosed();
  };
  return {
    write(text) {
      if (!isClosed) flushed = Promise.all([flushed, put(text)]).catch(stop);
    },
    async written() {
      await flushed;
      if (failure !== null) throw failure;
    },
  };
}

export function pipeOutput(onClosed: () => void): Output {
  const sink = Bun.stdout.writer();
  const put = async (text: string | Uint8Array): Promise<void> => {
    await sink.write(text);
    await sink.flush();
  };
  return outputTo(put, onClosed);
}

export function streamOutput(stream: NodeJS.WriteStream, onClosed: () => void): Output {
  stream.on("error", () => {}); // What it says, the write says too.
  const put = (text: string | Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
  return outputTo(put, onClosed);
}
