/** What a benchmark measured, as a table for people or, with `--json`, as JSON. */
import { cpus, totalmem } from "node:os";
import sdk from "@opentelemetry/sdk-trace-base/package.json" with { type: "json" };
import type { Terminal } from "../../src/cli/cli.ts";
import type { Column } from "../../src/cli/column.ts";
import { formatTable } from "../../src/cli/table.ts";
import { VERSION } from "../../src/version.ts";

export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** What it ought to be; nothing fails where it is not. */
  goal?: { atMost: number } | { atLeast: number };
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  platform: string;
  versions: Record<string, string>;
}

export function machine(): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    versions: { spanledger: VERSION, bun: Bun.version, "sdk-trace-base": sdk.version },
  };
}

export function machineLine({ cpu, cores, memoryGiB, platform, versions }: Machine): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${platform}; ${names.join(", ")}`;
}

function shown(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function goalText({ goal }: Figure): string {
  if (!goal) return "";
  return "atMost" in goal ? `≤ ${shown(goal.atMost)}` : `≥ ${shown(goal.atLeast)}`;
}

function isMet({ goal, value }: Figure): boolean {
  if (!goal) return true;
  return "atMost" in goal ? value <= goal.atMost : value >= goal.atLeast;
}

function verdictOf(figure: Figure): string {
  if (!figure.goal) return "";
  return isMet(figure) ? "met" : "missed";
}

const PLAIN: Terminal = { isInteractive: false, hasColor: false, columns: 0 };

/** Prints what the benchmark found. Called once, at its end. */
export function report(title: string, figures: readonly Figure[]): void {
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ title, figures }));
    return;
  }
  const columns: Column<Figure>[] = [
    { title, name: "name", kind: "text", value: ({ name }) => name },
    { title: "", name: "value", kind: "number", value: ({ value }) => shown(value) },
    { title: "", name: "unit", kind: "text", value: ({ unit }) => unit },
    { title: "goal", name: "goal", kind: "number", value: goalText },
    { title: "", name: "verdict", kind: "text", value: verdictOf },
  ];
  console.log(String(formatTable(columns, figures, PLAIN)));
}

/** The number after `--name` on the command line. */
export function numberOption(
  name: string,
  fallback: number,
  range: "above 0" | "from 0 on" = "above 0",
): number {
  const index = process.argv.indexOf(`--${name}`);
  const value = index < 0 ? fallback : Number(process.argv[index + 1]);
  const isInRange = value > 0 || (value === 0 && range === "from 0 on");
  if (!isInRange) throw new TypeError(`--${name} needs a number ${range}.`);
  return value;
}

/** CPU time of this thread so far: waiting, other threads and other processes do not count. */
export function threadCpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
