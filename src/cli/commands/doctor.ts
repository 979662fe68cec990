import type { Command } from "commander";
import { type Contents, type Diagnosis, diagnose } from "../../store/diagnosis.ts";
import { type Cli, CliError } from "../cli.ts";
import { addExamples } from "../options.ts";
import { withProgress } from "../progress.ts";
import { countOf, formatBytes, formatCount } from "../quantities.ts";
import { safeJson, terminalText } from "../terminal-text.ts";

const MS_PER_DAY = 86_400_000;

const momentOf = (ms: number | null): string =>
  ms === null ? "?" : `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;

function contentLines(contents: Contents): [string, string][] {
  const { retentionMs, maxDbBytes, droppedSpans } = contents;
  const days = retentionMs === null ? "?" : Number((retentionMs / MS_PER_DAY).toFixed(2));
  const limit = maxDbBytes ? `, at most ${formatBytes(maxDbBytes)}` : "";
  const drops = Object.entries(droppedSpans).map(
    ([why, spans]) => `${formatCount(spans)} (${why})`,
  );
  return [
    [
      "rows",
      [
        countOf(contents.traces, "trace"),
        countOf(contents.spans, "span"),
        countOf(contents.runs, "run"),
        countOf(contents.dailyRows, "daily sum"),
      ].join(", "),
    ],
    ["oldest", momentOf(contents.oldestMs)],
    ["newest", momentOf(contents.newestMs)],
    ["retention", retentionMs === null ? "no host has said yet" : `${days} days${limit}`],
    ["maintained by", contents.maintainer ?? "no one now"],
    ["written", countOf(contents.writtenSpans, "span")],
    ["dropped", drops.length > 0 ? `${drops.join(", ")} spans` : "none"],
  ];
}

function formatDiagnosis(d: Diagnosis): string {
  const lines: [string, string][] = [
    ["path", d.path],
    [
      "size",
      `${formatBytes(d.fileBytes)}: ${formatBytes(d.liveBytes)} in use, ${formatBytes(d.freeBytes)} free`,
    ],
    ["WAL", formatBytes(d.walBytes)],
    ["disk", `${formatBytes(d.diskFreeBytes)} free`],
    ...(d.contents ? contentLines(d.contents) : []),
    ["schema version", `${d.schemaVersion} (this spanledger: ${d.knownSchemaVersion})`],
    ["SQLite", d.sqliteVersion],
    ["file system", d.networkFileSystem ?? "local"],
    ["permissions", `file ${d.fileMode}, directory ${d.directoryMode}`],
    ["open in", d.openIn.length > 0 ? d.openIn.join(", ") : "no other process"],
    ["integrity", d.integrity.length === 0 ? "ok" : d.integrity.join("; ")],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  const table = lines.map(([name, text]) => `${name.padEnd(width)}  ${terminalText(text)}`);
  if (d.findings.length === 0) return [...table, "", "Nothing needs a person."].join("\n");
  return [...table, "", ...d.findings.map((finding) => `! ${terminalText(finding)}`)].join("\n");
}

export function addDoctorCommand(program: Command, cli: Cli): void {
  const command = program
    .command("doctor")
    .description("look at the database and its place; exit 1 where something needs a person")
    .option("--json", "print JSON and nothing else")
    .action((flags: { json?: boolean }) => {
      const diagnosis = withProgress("Checking every page", () =>
        diagnose(cli.dbPath(), cli.nowMs),
      );
      cli.print(flags.json ? safeJson(diagnosis) : formatDiagnosis(diagnosis));
      const { length } = diagnosis.findings;
      if (length > 0) throw new CliError(`${countOf(length, "finding")}.`);
    });
  addExamples(command, [
    ["spanledger doctor", "is everything all right?"],
    ["spanledger doctor --json | jq -r .findings[]", "for a monitor: what needs a person"],
  ]);
}
