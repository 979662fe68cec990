/** Quantities as people read them. An unknown one is `?`, never 0. */

/** Dollars to the cent from 100 on, to the tenth of a cent below, and small ones to the nano-dollar. */
export function formatUsd(nanoUsd: number | null): string {
  if (nanoUsd === null) return "?";
  const usd = nanoUsd / 1e9;
  if (usd >= 100) return `$${usd.toFixed(2)}`;
  return `$${usd.toFixed(4)}`;
}

export function formatCount(count: number | null): string {
  return count === null ? "?" : count.toLocaleString("en-US");
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}
