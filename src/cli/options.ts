/** Options that several commands share, with the sentences for what cannot be meant. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { DIMENSIONS, type Dimension, isDimension, isTimeUnit } from "../report/dimensions.ts";
import { isTimeZone } from "../report/time-buckets.ts";
import { type Cli, UsageError } from "./cli.ts";
import { FORMATS, type Format } from "./formats.ts";
import { nearMiss, suggestion } from "./near-miss.ts";
import { parseMoment } from "./period.ts";

/** Adds `--format` and its short form `--json`; read them with `formatOf`. */
export function addFormatOptions(command: Command): Command {
  const format = new Option("--format <name>", "how to print")
    .argParser((text) => oneOf(text, FORMATS))
    .default("table");
  format.argChoices = [...FORMATS];
  return command.addOption(format).option("--json", "the same as --format json");
}

export function formatOf({ format, json }: { format: Format; json?: boolean }): Format {
  return json === true ? "json" : format;
}

export function oneOf<T extends string>(text: string, names: readonly T[]): T {
  const name = names.find((known) => known === text);
  if (name !== undefined) return name;
  throw new InvalidArgumentError(suggestion(text, names));
}

const PLAIN_DIMENSIONS = DIMENSIONS.filter((name) => !isTimeUnit(name));

export function parseDimension(text: string): Dimension {
  if (isDimension(text)) return text;
  throw new InvalidArgumentError(`"${text}": ${suggestion(text, [...DIMENSIONS, "attr:KEY"])}`);
}

/** A list, added to those before; each counts once. */
export function parseDimensions(text: string, before: readonly Dimension[] = []): Dimension[] {
  const names = text.split(",").map((part) => parseDimension(part.trim()));
  return [...new Set([...before, ...names])];
}

export type Filter = readonly [Dimension, string | null];

/** `KEY=VALUE`, added to those before; an empty value stands for what is unknown. */
function parseWhere(text: string, before: readonly Filter[] = []): Filter[] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(`"${text}" is not like repo=acme/api.`);
  const name = parseDimension(text.slice(0, at));
  if (isTimeUnit(name)) {
    throw new InvalidArgumentError(
      `A ${name} is chosen with --since and --until; use ${PLAIN_DIMENSIONS.join(", ")} or attr:KEY.`,
    );
  }
  const value = text.slice(at + 1) || null;
  // A run may use several models.
  const isSingle = name !== "model" && name !== "provider";
  if (isSingle && before.some(([other, its]) => other === name && its !== value)) {
    throw new InvalidArgumentError(`Nothing has two values of ${name} at once.`);
  }
  return [...before, [name, value]];
}

/** Adds `--where`, several of which are one list of filters. */
export function addWhereOption(command: Command): Command {
  const purpose = "only this repo, model, …; repo= for an unknown one; may be given several times";
  return command.option("--where <key=value>", purpose, parseWhere);
}

/** A parser of whole numbers from `min` on. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= min) return Number(text);
    throw new InvalidArgumentError(`"${text}" is not a whole number from ${min} on.`);
  };
}

export function parseTimeZone(text: string): string {
  if (isTimeZone(text)) return text;
  const near = nearMiss(text, Intl.supportedValuesOf("timeZone"));
  throw new InvalidArgumentError(
    `"${text}" is no time zone like Europe/Berlin${near === null ? "." : `. Did you mean ${near}?`}`,
  );
}

export interface PeriodFlags {
  since?: string;
  until?: string;
  tz?: string;
}

/** Adds `--since`, `--until` and `--tz`; read them with `periodOf`. */
export function addPeriodOptions(command: Command, cli: Cli): Command {
  const check = (text: string): string => {
    if (parseMoment(text, cli.nowMs)) return text;
    throw new InvalidArgumentError(
      `"${text}" is neither like 30d or 12h nor a date like 2026-01-31.`,
    );
  };
  return command
    .option("--since <moment>", "from 30d, 12h or 2w ago, or from a date or time on", check)
    .option("--until <moment>", "the same, but only what ended before", check)
    .option("--tz <zone>", "time zone of dates, e.g. Europe/Berlin (default: UTC)", parseTimeZone);
}

export interface Period {
  since: Date | undefined;
  until: Date | undefined;
  tz: string | undefined;
}

export function periodOf(cli: Cli, { since, until, tz }: PeriodFlags): Period {
  const moment = (text: string | undefined): Date | undefined =>
    text === undefined ? undefined : (parseMoment(text, cli.nowMs, tz) ?? undefined);
  const period = { since: moment(since), until: moment(until), tz };
  if (period.since && period.until && period.since >= period.until) {
    throw new UsageError(`--since ${since} is not before --until ${until}.`);
  }
  return period;
}

/** Examples below a command's help: what to type, and what for. */
export function addExamples(
  command: Command,
  examples: readonly (readonly [string, string])[],
): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, purpose]) => `  ${line.padEnd(width)}  ${purpose}`);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
