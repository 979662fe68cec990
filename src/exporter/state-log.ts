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
const MAX_KINDS = 100;

export class StateLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #toldMs = new Map<string, number>();
  #isTold = false;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Something to know that changes no state. The same, but for its numbers, is told once in 30 s. */
  note(message: string): void {
    if (this.#isDue(message.replaceAll(/\d+/g, "0"))) this.#write("warn", message);
  }

  /** Something that cannot be made good any more. */
  lost(message: string): void {
    this.#write("error", message);
  }

  /** Tells of each kind of trouble once in 30 s: what comes and goes must not flood a log either. */
  trouble(message: string, kind = ""): void {
    if (!this.#isDue(kind)) return;
    this.#isTold = true;
    this.#write("error", message);
  }

  /** Says so only where the trouble was told. */
  recovered(message: string): void {
    if (this.#isTold) this.#write("warn", message);
    this.#isTold = false;
  }

  #isDue(kind: string): boolean {
    const nowMs = this.#now();
    const lastMs = this.#toldMs.get(kind) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - lastMs < REMINDER_MS) return false;
    if (this.#toldMs.size >= MAX_KINDS) this.#toldMs.clear();
    this.#toldMs.set(kind, nowMs);
    return true;
  }

  #write(level: "warn" | "error", message: string): void {
    try {
      this.#logger[level](message);
    } catch {
      // The host's logger is broken; there is nowhere left to say so.
    }
  }
}
