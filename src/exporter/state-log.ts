/**
 * What a host's log gets to see of trouble: one line when it begins, a reminder now and then while it
 * lasts, one line when it is over. A logger that throws harms nobody.
 */

/** The two methods of a pino logger that are used. */
export interface Logger {
  /** Something to know, and trouble that is over. */
  warn(message: string): void;
  /** Trouble that lasts, and what is lost. */
  error(message: string): void;
}

const REMINDER_MS = 30_000;

export class StateLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  #isTrouble = false;
  #lastLineMs = 0;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Something to know that changes no state. */
  note(message: string): void {
    this.#write("warn", message);
  }

  /** Something that cannot be made good any more. */
  lost(message: string): void {
    this.#write("error", message);
  }

  trouble(message: string): void {
    const nowMs = this.#now();
    if (this.#isTrouble && nowMs - this.#lastLineMs < REMINDER_MS) return;
    this.#isTrouble = true;
    this.#lastLineMs = nowMs;
    this.#write("error", message);
  }

  recovered(message: string): void {
    if (this.#isTrouble) this.#write("warn", message);
    this.#isTrouble = false;
  }

  #write(level: "warn" | "error", message: string): void {
    try {
      this.#logger[level](message);
    } catch {
      // The host's logger is broken; there is nowhere left to say so.
    }
  }
}
