/**
 * Keeps one link open: opens it anew after a crash or a hang, with growing pauses, and takes the one
 * in this thread where the link of choice cannot start.
 */
import type { LinkReply, OpenLink, StoreLink, StoreRequest } from "./store-link.ts";
import type { Timers } from "./timers.ts";

export interface LinkKeeperOptions {
  /** The link of choice. */
  openLink: OpenLink;
  /** The link in this thread. */
  openThreadLink: OpenLink;
  timers: Timers;
  /** After this long without an answer, looked at twice, a link hangs: the host may have stood still itself. */
  silenceMs: number;
  /** From 0 up to 1, for the jitter of pauses. */
  random: () => number;
  onReply: (reply: LinkReply) => void;
  /** Whether an answer is due: silence is only then a sign of a hang. */
  isAnswerDue: () => boolean;
}

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 30_000;
const MAX_FAILED_STARTS = 3;
/** A link given up while it hangs may still hold the file; no more than these are left behind. */
const MAX_HANGS = 3;

export class LinkKeeper {
  readonly #options: LinkKeeperOptions;
  #link: StoreLink | null = null;
  #isProven = false;
  #isThread = false;
  #failedStarts = 0;
  #hangs = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #silentChecks = 0;
  #cancelPause: (() => void) | null = null;
  #cancelWatch: (() => void) | null = null;

  constructor(options: LinkKeeperOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#link !== null;
  }

  open(): void {
    this.#cancelPause?.();
    this.#cancelPause = null;
    const { openLink, openThreadLink } = this.#options;
    const open = this.#isThread ? openThreadLink : openLink;
    this.#isProven = false;
    try {
      // The first reply may come before `link` is set; it is the link's own only from then on.
      const link: StoreLink = open((reply) => this.#reply(link, reply));
      this.#link = link;
      this.send({ type: "open" });
    } catch (error) {
      this.#down(String(error));
    }
  }

  /** From now on the link is the one in this thread. */
  openInThread(): void {
    this.#link?.abandon();
    this.#link = null;
    this.#isThread = true;
    this.open();
  }

  send(request: StoreRequest): void {
    try {
      this.#link?.send(request);
      this.#watch();
    } catch (error) {
      this.#link?.abandon();
      this.#down(String(error));
    }
  }

  waitForReply(timeoutMs: number): boolean {
    return this.#link?.waitForReply(timeoutMs) ?? false;
  }

  /** No link any more, until `open`. */
  stop(): void {
    this.#cancelPause?.();
    this.#cancelWatch?.();
    this.#cancelPause = null;
    this.#cancelWatch = null;
    this.#link?.abandon();
    this.#link = null;
  }

  #reply(link: StoreLink, reply: LinkReply): void {
    if (link !== this.#link) return;
    if (reply.type === "down") {
      this.#down(reply.message);
      return;
    }
    this.#isProven = true;
    this.#failedStarts = 0;
    this.#silentChecks = 0;
    if (reply.type === "written") this.#pauseMs = FIRST_PAUSE_MS;
    if (reply.type === "closed") this.stop();
    this.#options.onReply(reply);
  }

  #down(message: string): void {
    this.#link = null;
    if (!this.#isProven) this.#failedStarts += 1;
    if (this.#failedStarts >= MAX_FAILED_STARTS && !this.#isThread) {
      this.#isThread = true;
      const note = `The Worker that writes spans cannot start (${message}); they are written in the host's thread.`;
      this.#options.onReply({ type: "note", message: note });
    }
    const jitter = 0.8 + 0.4 * this.#options.random();
    this.#cancelPause = this.#options.timers.after(
      this.#pauseMs * jitter,
      () => this.open(),
      false,
    );
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
    this.#options.onReply({ type: "down", message });
  }

  #watch(): void {
    this.#cancelWatch ??= this.#options.timers.after(
      this.#options.silenceMs,
      () => this.#checkSilence(),
      false,
    );
  }

  #checkSilence(): void {
    this.#cancelWatch = null;
    if (!this.#link || !this.#options.isAnswerDue()) return;
    this.#silentChecks += 1;
    if (this.#silentChecks >= 2 && this.#hangs < MAX_HANGS) {
      this.#hangs += 1;
      this.#silentChecks = 0;
      this.#link.abandon();
      this.#down("it does not answer");
    } else {
      this.#watch();
    }
  }
}
