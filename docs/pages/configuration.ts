/** The options from their declaration, the variables from what the configuration asks for and answers. */
import { readFileSync } from "node:fs";
import { type ConfigOptions, resolveConfig } from "../../src/config.ts";
import { code, GENERATED, markdownTable } from "./markdown.ts";

const source = (path: string): string =>
  readFileSync(new URL(`../../src/${path}`, import.meta.url), "utf8");

interface Property {
  name: string;
  type: string;
  meaning: string;
  defaultValue: string;
}

/** The properties of an interface with their docstrings. */
function propertiesOf(text: string, name: string): Property[] {
  const body =
    new RegExp(`^export interface ${name}\\b[^{]*{\\n(.*?)^}`, "ms").exec(text)?.[1] ?? "";
  const property = /\/\*\*(?<doc>.*?)\*\/\s+(?<name>\w+)\??: (?<type>[^;]+);/gs;
  return [...body.matchAll(property)].map(({ groups }) => {
    const doc = (groups?.["doc"] ?? "").replaceAll(/\s*\n\s*\*\s?/g, " ").trim();
    const [meaning = "", defaultValue = ""] = doc.split(/\s*@default\s+/);
    return {
      name: groups?.["name"] ?? "",
      type: (groups?.["type"] ?? "").replace(" | undefined", ""),
      meaning,
      defaultValue,
    };
  });
}

/** What an option must be, from the error that an impossible value earns. */
function allowedOption(name: string): string {
  try {
    resolveConfig({ [name]: Symbol.iterator } as ConfigOptions, {}, () => {});
  } catch (error) {
    return allowedIn(String(error));
  }
  return "";
}

/** What a variable must be, from the warning that an impossible value earns. */
function allowedVariable(name: string): string {
  const warnings: string[] = [];
  for (const value of ["\0", "/nowhere/at all"]) {
    resolveConfig({}, { [name]: value }, (warning) => warnings.push(warning));
  }
  return allowedIn(warnings[0] ?? "");
}

const allowedIn = (sentence: string): string =>
  /it must be (.*?)(?: \(.*\))?\.(?: The default is used\.)?$/.exec(sentence)?.[1] ?? "";

const optionRows = (properties: readonly Property[]): string[][] =>
  properties.map(({ name, type, meaning, defaultValue }) => [
    code(name),
    code(type),
    [meaning, allowedOption(name) && `Must be ${allowedOption(name)}.`].filter(Boolean).join(" "),
    defaultValue,
  ]);

export async function configurationPage(): Promise<string> {
  const config = source("config.ts");
  const variables = [...new Set(config.match(/(?<=")(?:OTEL|TELEMETRY)_\w+(?=")/g))].toSorted();
  const batch = propertiesOf(config, "BatchConfig");
  const options = [
    ...propertiesOf(config, "ConfigOptions"),
    ...propertiesOf(source("telemetry.ts"), "TelemetryOptions"),
  ];
  const titles = ["option", "type", "what it does", "default"];
  return `${GENERATED}

# Configuration

Options beat the environment. An impossible option is the programmer's error and throws at start, with a
sentence; a bad environment value is the operator's, warns and falls back to the default.

## Options of \`startTelemetry\`

\`SqliteSpanExporter\` and \`sqliteSpanProcessor\` take those that concern the file:
${[...source("sqlite.ts").matchAll(/Pick<\s*ConfigOptions,([^>]+)>/g)][0]?.[1]
  ?.match(/"\w+"/g)
  ?.map((name) => code(name.slice(1, -1)))
  .join(", ")} and \`logger\`.

${markdownTable(titles, optionRows(options))}

## Options of \`forward\`

${markdownTable(titles, optionRows(propertiesOf(config, "ForwardOptions")))}

## Environment

${markdownTable(
  ["variable", "option", "must be"],
  variables.map((name) => [
    code(name),
    options
      .filter(({ defaultValue }) => defaultValue.includes(name))
      .map((option) => code(option.name))
      .join(", "),
    allowedVariable(name),
  ]),
)}

\`OTEL_RESOURCE_ATTRIBUTES\` is read as OpenTelemetry's specification says. The exporter \`otlp\` and forwarding
take \`OTEL_EXPORTER_OTLP_ENDPOINT\`, \`_HEADERS\`, \`_TIMEOUT\`, \`_COMPRESSION\`, \`_CERTIFICATE\` and their
\`_TRACES_\` forms from the environment, through OpenTelemetry's own exporters.

## How spans are batched

${markdownTable(
  ["setting", "what it is", "default"],
  batch.map(({ name, meaning, defaultValue }) => [code(name), meaning, defaultValue]),
)}
`;
}
