import { Argument, type Command, type Option } from "commander";
import type { Cli } from "../cli.ts";
import { addExamples, oneOf } from "../options.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** A command as a shell completes it. */
interface Entry {
  name: string;
  description: string;
  options: readonly Option[];
  /** What may stand as its argument. */
  words: readonly string[];
}

function entriesOf(program: Command): Entry[] {
  const commands = program.commands.map(
    (command): Entry => ({
      name: command.name(),
      description: command.description(),
      options: command.options,
      words: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    }),
  );
  const words = commands.map(({ name }) => name);
  return [...commands, { name: "help", description: "how a command works", options: [], words }];
}

function flags(options: readonly Option[]): string[] {
  return options.flatMap(({ long }) => long ?? []).concat("--help");
}

function bash(program: Command, entries: readonly Entry[]): string {
  const cases = entries.map(
    (entry) =>
      `    ${entry.name}) words="${[...entry.words, ...flags([...entry.options, ...program.options])].join(" ")}" ;;`,
  );
  const choices = choicesOf(entries).map(
    ([flag, words]) =>
      `    ${flag}) COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$word")); return ;;`,
  );
  return `# eval "$(spanledger completion bash)"
_spanledger() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="" words="" i
  case "$before" in
    --db) COMPREPLY=($(compgen -f -- "$word")); return ;;
${choices.join("\n")}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      --db) ((i++)) ;;
      -*) ;;
      *) command="\${COMP_WORDS[i]}"; break ;;
    esac
  done
  case "$command" in
${cases.join("\n")}
    *) words="${[...entries.map(({ name }) => name), ...flags(program.options)].join(" ")}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _spanledger spanledger`;
}

/** Flags whose value is one of a few words, the same for every command that has the flag. */
function choicesOf(entries: readonly Entry[]): [string, readonly string[]][] {
  const choices = new Map<string, readonly string[]>();
  for (const { long, argChoices } of entries.flatMap(({ options }) => options)) {
    if (long && argChoices) choices.set(long, argChoices);
  }
  return [...choices];
}

/** zsh runs bash's completion as it is, once it is told to. */
function zsh(program: Command, entries: readonly Entry[]): string {
  const script = bash(program, entries).split("\n").slice(1).join("\n");
  return `# eval "$(spanledger completion zsh)"
autoload -Uz +X compinit && compinit -i
autoload -Uz +X bashcompinit && bashcompinit
${script}`;
}

function fish(program: Command, entries: readonly Entry[]): string {
  const quoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const lines = entries.flatMap(({ name, description, options, words }) => {
    const within = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
    return [
      `complete -c spanledger -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
      ...words.map((word) => `complete -c spanledger ${within} -a ${word}`),
      ...options.map((option) => `complete -c spanledger ${within} ${fishOption(option, quoted)}`),
    ];
  });
  const global = program.options.map(
    (option) => `complete -c spanledger ${fishOption(option, quoted)}`,
  );
  return [
    "# spanledger completion fish | source",
    "complete -c spanledger -f",
    ...global,
    ...lines,
  ].join("\n");
}

function fishOption(option: Option, quoted: (text: string) => string): string {
  const value = option.argChoices
    ? ` -x -a ${quoted(option.argChoices.join(" "))}`
    : option.long === "--db"
      ? " -r -F"
      : option.required
        ? " -x"
        : "";
  return `-l ${(option.long ?? "").slice(2)}${value} -d ${quoted(option.description)}`;
}

const SCRIPTS: Readonly<Record<Shell, typeof bash>> = { bash, zsh, fish };

export function addCompletionCommand(program: Command, cli: Cli): void {
  const shell = new Argument("<shell>", "yours").argParser((text) => oneOf(text, SHELLS));
  shell.argChoices = [...SHELLS];
  const command = program
    .command("completion")
    .description("a script that lets your shell complete commands and flags")
    .addArgument(shell)
    .action((name: Shell) => cli.print(SCRIPTS[name](program, entriesOf(program))));
  addExamples(command, [
    ['eval "$(spanledger completion bash)"', "in ~/.bashrc"],
    ['eval "$(spanledger completion zsh)"', "in ~/.zshrc"],
    ["spanledger completion fish | source", "in ~/.config/fish/config.fish"],
  ]);
}
