import { type Command, InvalidArgumentError } from "commander";
import type { MaintenanceReport } from "../../store/maintenance.ts";
import {
  type MaintenancePlan,
  planMaintenance,
  readSettings,
} from "../../store/maintenance-plan.ts";
import type { PurgeReport } from "../../store/purge.ts";
import { Store } from "../../store/store.ts";
import { type Cli, CliError } from "../cli.ts";
import { addExamples } from "../options.ts";
import { withProgress } from "../progress.ts";
import { countOf, formatBytes } from "../quantities.ts";
import { safeJson, terminalText } from "../terminal-text.ts";

interface MaintainFlags {
  dryRun?: boolean;
  retentionDays?: number;
  maxDbBytes?: number;
  json?: boolean;
}

interface Bounds {
  retentionMs: number;
  maxDbBytes: number;
}

const MS_PER_DAY = 86_400_000;
const DEFAULT_RETENTION_MS = 90 * MS_PER_DAY;
const BUSY_TIMEOUT_MS = 5000;
const MAX_BUSY_STEPS = 6;

const DAYS = "a number of days above 0 and up to 36500";

function daysOf(text: string): number | null {
  const days = /^[\d.]+$/.test(text) ? Number(text) : 0;
  return days > 0 && days <= 36_500 ? days : null;
}

function parseDays(text: string): number {
  const days = daysOf(text);
  if (days !== null) return days;
  throw new InvalidArgumentError(`It is ${DAYS}.`);
}

function parseBytes(text: string): number {
  const bytes = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError("It is a whole number of bytes, or 0 for no limit.");
}

/** Null where it is not set, or is none, which is said, as a host would. */
function daysOfEnvironment({ environment, note }: Cli): number | null {
  const text = environment["TELEMETRY_RETENTION_DAYS"];
  if (!text) return null;
  const days = daysOf(text);
  if (days === null)
    note(
      terminalText(`TELEMETRY_RETENTION_DAYS is "${text}"; it must be ${DAYS}. It is not heeded.`),
    );
  return days;
}

/** A flag beats the environment, which beats what the host last said, which beats the default. */
function boundsOf(flags: MaintainFlags, cli: Cli): Bounds {
  const recorded = readSettings(cli.dbPath());
  const days = flags.retentionDays ?? daysOfEnvironment(cli);
  return {
    retentionMs: days ? days * MS_PER_DAY : (recorded.retentionMs ?? DEFAULT_RETENTION_MS),
    maxDbBytes: flags.maxDbBytes ?? recorded.maxDbBytes ?? 0,
  };
}

const dayOf = (ms: number | null): string =>
  ms === null ? "?" : new Date(ms).toISOString().slice(0, 10);

function span({ oldestMs, newestMs }: Pick<PurgeReport, "oldestMs" | "newestMs">): string {
  return `last seen ${dayOf(oldestMs)} to ${dayOf(newestMs)}`;
}

function formatPlan(plan: MaintenancePlan, bounds: Bounds): string {
  const days = Number((bounds.retentionMs / MS_PER_DAY).toFixed(2));
  const expired =
    plan.expiredTraces === 0
      ? `No trace is older than ${days} days.`
      : `${countOf(plan.expiredTraces, "trace")} (${countOf(plan.expiredSpans, "span")}) older than ${days} days would be purged, ${span(plan)}.`;
  const size =
    plan.excessBytes > 0
      ? `${formatBytes(plan.liveBytes)} are in use, ${formatBytes(plan.excessBytes)} above the limit: the oldest traces would be purged until it is kept.`
      : `${formatBytes(plan.liveBytes)} are in use${bounds.maxDbBytes > 0 ? `, of ${formatBytes(bounds.maxDbBytes)} allowed` : ""}.`;
  return [expired, size, `${formatBytes(plan.freeBytes)} are free in the file.`].join("\n");
}

function formatReport({ purged, releasedBytes }: MaintenanceReport): string {
  const what =
    purged.traces === 0
      ? "Nothing had to be purged."
      : `Purged ${countOf(purged.traces, "trace")} (${countOf(purged.spans, "span")}), ${span(purged)}; what they cost stays in usage_daily.`;
  return `${what}\n${formatBytes(releasedBytes)} given back to the file system.`;
}

function maintain(bounds: Bounds, cli: Cli): MaintenanceReport {
  const path = cli.dbPath();
  const warn = (message: string): void => cli.note(terminalText(message));
  const writer = `maintain-${process.pid}`;
  const store = new Store({ path, writer, busyTimeoutMs: BUSY_TIMEOUT_MS, warn });
  try {
    const maintainer = store.maintainer({ ...bounds, isCommand: true, warn });
    for (let busySteps = 0; busySteps < MAX_BUSY_STEPS; ) {
      const { didWork, isBusy } = maintainer.step(cli.nowMs);
      if (!didWork && !isBusy) return maintainer.report();
      busySteps = isBusy ? busySteps + 1 : 0;
    }
    const { purged } = maintainer.report();
    throw new CliError(
      `Another process holds the write lock of ${path}; purged so far: ${countOf(purged.traces, "trace")}. Run it again when that process is done.`,
    );
  } finally {
    store.close();
  }
}

export function addMaintainCommand(program: Command, cli: Cli): void {
  const command = program
    .command("maintain")
    .description("purge what is too old or too much into usage_daily, and give space back")
    .option("--dry-run", "say what would be purged, and change nothing")
    .option("--retention-days <days>", "instead of what the host was told", parseDays)
    .option("--max-db-bytes <bytes>", "instead of what the host was told", parseBytes)
    .option("--json", "print JSON and nothing else")
    .action((flags: MaintainFlags) => {
      const bounds = boundsOf(flags, cli);
      if (flags.dryRun) {
        const plan = planMaintenance(cli.dbPath(), bounds, cli.nowMs);
        cli.print(flags.json ? safeJson(plan) : formatPlan(plan, bounds));
        return;
      }
      const report = withProgress("Maintaining", () => maintain(bounds, cli));
      cli.print(flags.json ? safeJson(report) : formatReport(report));
    });
  addExamples(command, [
    ["spanledger maintain --dry-run", "what the next purge takes"],
    ["spanledger maintain --retention-days 30", "purge what is older, now"],
  ]);
}
