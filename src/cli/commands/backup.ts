import type { Command } from "commander";
import { backup, restore } from "../../store/backup.ts";
import type { Cli } from "../cli.ts";
import { withProgress } from "../progress.ts";
import { formatBytes } from "../quantities.ts";
import { terminalText } from "../terminal-text.ts";

export function addBackupCommand(program: Command, cli: Cli): void {
  program
    .command("backup")
    .description("copy the database to a new file, whole and consistent, while it is written to")
    .argument("<file>", "the backup to make; an existing file is never overwritten")
    .action((file: string) => {
      const bytes = withProgress("Backing up", (watch) => backup(cli.dbPath(), file, watch));
      cli.print(`Backed up to ${terminalText(file)} (${formatBytes(bytes)}).`);
    });
}

export function addRestoreCommand(program: Command, cli: Cli): void {
  program
    .command("restore")
    .description("bring a backup back as the database; an existing one must be moved away first")
    .argument("<file>", "the backup")
    .action((file: string) => {
      const bytes = withProgress("Restoring", (watch) => restore(file, cli.dbPath(), watch));
      cli.print(`Restored to ${terminalText(cli.dbPath())} (${formatBytes(bytes)}).`);
    });
}
