/**
 * What the host's side and the connection's side say to each other. A link is one connection to the
 * file, wherever it lives: in a Worker, or in this thread.
 */

import type { StoreErrorKind } from "../store/store-error.ts";
import type { PriceFile } from "./prices/priced-by.ts";

export type StoreRequest =
  | { type: "open" }
  | { type: "write"; id: number; batch: string }
  /** All that this writer has dropped so far, by reason. */
  | { type: "drops"; totals: Record<string, number> }
  /** Close the file and end. */
  | { type: "close" };

export type StoreReply =
  | { type: "opened" }
  /** The batch is in the file, but for its poison rows. */
  | { type: "written"; id: number; committed: number; poison: number }
  /** Nothing of the batch is in the file; id 0 stands for a request without one. */
  | { type: "failed"; id: number; kind: StoreErrorKind; message: string }
  /** For the log alone. */
  | { type: "note"; message: string }
  | { type: "closed" };

/** `down`: the link has ended without being asked to; nothing more comes from it. */
export type LinkReply = StoreReply | { type: "down"; message: string };

export interface StoreLink {
  send(request: StoreRequest): void;
  /** Blocks this thread until a reply was delivered. @returns false at the timeout. */
  waitForReply(timeoutMs: number): boolean;
  /** Replies are no longer listened to. The file is closed as soon as the connection's side can. */
  abandon(): void;
}

export type OpenLink = (onReply: (reply: LinkReply) => void) => StoreLink;

/** What the connection's side needs to know. It crosses to a Worker: plain values only. */
export interface StoreSessionOptions {
  path: string;
  /** One life of one exporter, for `exporter_health`. */
  writer: string;
  retentionMs: number;
  /** 0: no limit. */
  maxDbBytes: number;
  /** The user's own prices; null: the bundled ones alone. */
  prices: PriceFile | null;
  /** How long a write waits for another process's lock. */
  busyTimeoutMs: number;
}
