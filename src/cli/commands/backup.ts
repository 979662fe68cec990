import type { Command } from "commander";
import { backup, restore } from "../../store/backup.ts";
import type { Cli } from "../cli.ts";
import { addExamples } from "../options.ts";
import { withProgress } from "../progress.ts";
import { formatBytes } from "../quantities.ts";
import { terminalText } from "../terminal-text.ts";

export function addBackupCommand(program: Command, cli: Cli): void {
  const command = program
    .command("backup")
    .description("copy the database, whole, while it is written to")
    .argument("<file>", "the backup to make; an existing file is never overwritten")
    .action((file: string) => {
      const bytes = withProgress("Backing up", (watch) => backup(cli.dbPath(), file, watch));
      cli.print(`Backed up to ${terminalText(file)} (${formatBytes(bytes)}).`);
    });
  addExamples(command, [["spanledger backup copy.db", "a copy of this moment"]]);
}

export function addRestoreCommand(program: Command, cli: Cli): void {
  const command = program
    .command("restore")
    .description("bring a backup back as the database")
    .argument("<file>", "the backup; the database must not be there, so move a damaged one away")
    .action((file: string) => {
      const bytes = withProgress("Restoring", (watch) => restore(file, cli.dbPath(), watch));
      cli.print(`Restored to ${terminalText(cli.dbPath())} (${formatBytes(bytes)}).`);
    });
  addExamples(command, [
    ["spanledger --db new.db restore copy.db", "the copy as a database of its own"],
  ]);
}
