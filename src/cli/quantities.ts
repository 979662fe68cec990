/** Quantities as people read them. An unknown one is `?`, never 0. */
import { groupThousands } from "../report/thousands.ts";

const UNKNOWN = "?";

/** Dollars to the cent from 100 on, else to the hundredth of a cent. */
export function formatUsd(nanoUsd: number | null): string {
  if (nanoUsd === null) return UNKNOWN;
  if (nanoUsd > 0 && nanoUsd < 50_000) return "<$0.0001";
  const decimals = nanoUsd >= 100e9 ? 2 : 4;
  const unit = 10 ** decimals;
  const parts = Math.round(nanoUsd / 10 ** (9 - decimals));
  return `$${groupThousands(Math.floor(parts / unit))}.${String(parts % unit).padStart(decimals, "0")}`;
}

/** Dollars with all of their nine decimals that are not zeros at the end. */
export function decimalUsd(nanoUsd: number): string {
  const digits = BigInt(Math.round(nanoUsd)).toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return fraction === "" ? digits.slice(0, -9) : `${digits.slice(0, -9)}.${fraction}`;
}

export function formatCount(count: number | null): string {
  return count === null ? UNKNOWN : groupThousands(count);
}

/** `1 trace`, `2 traces`. */
export function countOf(count: number, thing: string): string {
  return `${groupThousands(count)} ${thing}${count === 1 ? "" : "s"}`;
}

export function formatDuration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function formatShare(share: number | null): string {
  return share === null ? UNKNOWN : `${Math.round(share * 100)} %`;
}

/** A signed change from one quantity to another. */
export function formatChange(before: number | null, now: number | null): string {
  if (before === null || now === null) return UNKNOWN;
  if (before === now) return "=";
  if (before === 0) return "new";
  const percent = Math.abs((now - before) / before) * 100;
  if (percent < 0.05) return "≈";
  return `${now > before ? "+" : "−"}${percent.toFixed(percent < 0.95 ? 1 : 0)} %`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}
