/** Quantities as people read them. An unknown one is `?`, never 0. */
import { type TextBuffer, written } from "./text-buffer.ts";

const UNKNOWN = "?";

/** Dollars to the cent from 100 on, else to the hundredth of a cent. */
export function writeUsd(out: TextBuffer, nanoUsd: number | null): void {
  if (nanoUsd === null) out.text(UNKNOWN);
  else if (nanoUsd > 0 && nanoUsd < 50_000) out.text("<$0.0001");
  else {
    const isLarge = nanoUsd >= 100e9;
    const unit = isLarge ? 100 : 10_000;
    const parts = Math.round(nanoUsd / (isLarge ? 1e7 : 1e5));
    const whole = Math.floor(parts / unit);
    out
      .text("$")
      .count(whole)
      .text(".")
      .digits(parts - whole * unit, isLarge ? 2 : 4);
  }
}

export function writeCount(out: TextBuffer, count: number | null): void {
  if (count === null) out.text(UNKNOWN);
  else out.count(count);
}

export function writeDuration(out: TextBuffer, ms: number | null): void {
  if (ms === null) out.text(UNKNOWN);
  else if (ms < 999.5) out.count(Math.round(ms)).text(" ms");
  else if (ms < 59_950) {
    const tenths = Math.round(ms / 100);
    out
      .count(Math.floor(tenths / 10))
      .text(".")
      .digits(tenths, 1)
      .text(" s");
  } else {
    const seconds = Math.round(ms / 1000);
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60)
      out
        .count(minutes)
        .text(" min ")
        .count(seconds % 60)
        .text(" s");
    else
      out
        .count(Math.floor(minutes / 60))
        .text(" h ")
        .count(minutes % 60)
        .text(" min");
  }
}

export function writeShare(out: TextBuffer, share: number | null): void {
  if (share === null) out.text(UNKNOWN);
  else out.count(Math.round(share * 100)).text(" %");
}

export function formatUsd(nanoUsd: number | null): string {
  return written((out) => writeUsd(out, nanoUsd));
}

export function formatCount(count: number | null): string {
  return written((out) => writeCount(out, count));
}

export function formatDuration(ms: number | null): string {
  return written((out) => writeDuration(out, ms));
}

/** Dollars with all of their nine decimals that are not zeros at the end. */
export function decimalUsd(nanoUsd: number): string {
  const digits = BigInt(Math.round(nanoUsd)).toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return fraction === "" ? digits.slice(0, -9) : `${digits.slice(0, -9)}.${fraction}`;
}

/** `1 trace`, `2 traces`. */
export function countOf(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? "" : "s"}`;
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
