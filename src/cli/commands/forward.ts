import { type Command, InvalidArgumentError, Option } from "commander";
import type { ForwardRequest, ForwardResult, ForwardRun, OtlpProtocol } from "../../forward.ts";
import { type Cli, CliError } from "../cli.ts";
import { addExamples } from "../options.ts";
import { parseMoment } from "../period.ts";
import { countOf, formatCount } from "../quantities.ts";
import { safeJson, terminalText } from "../terminal-text.ts";

interface ForwardFlags {
  endpoint?: string;
  protocol?: OtlpProtocol;
  since?: Date;
  follow?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

const PROTOCOLS: readonly OtlpProtocol[] = ["http/protobuf", "http/json", "grpc"];
const PROGRESS_EVERY_MS = 1000;

const spansOf = (count: number): string => countOf(count, "span");
const day = (ms: number | null): string => (ms === null ? "?" : new Date(ms).toISOString());

/** A line now and then, and one whenever trouble begins or ends. */
function progressLines(cli: Cli): ForwardRun["onProgress"] {
  let lastMs = Number.NEGATIVE_INFINITY;
  let lastTrouble: string | null = null;
  return ({ accepted, refused, trouble, total }) => {
    const nowMs = performance.now();
    if (trouble === lastTrouble && nowMs - lastMs < PROGRESS_EVERY_MS) return;
    lastMs = nowMs;
    lastTrouble = trouble;
    const sent = accepted + refused;
    const of = sent <= total ? ` of ${formatCount(total)}` : "";
    const waits = trouble === null ? "" : `; waiting: ${terminalText(trouble)}`;
    cli.note(`${formatCount(sent)}${of} spans${waits}`);
  };
}

/** What people must know, and null where all went well. */
function failureOf({ end, url, refused, pending, trouble }: ForwardResult): string | null {
  const left = `${spansOf(pending)} wait${pending === 1 ? "s" : ""}; the next run goes on from there.`;
  if (end === "held") return `Another process forwards to ${url}. ${left}`;
  if (end === "gave_up") return `${url} takes nothing: ${terminalText(trouble ?? "")}. ${left}`;
  if (refused > 0) {
    return `${url} refused ${spansOf(refused)}; the table forward_refusals names them and says why.`;
  }
  return null;
}

/** Loaded only here: the other commands start three times as fast without it. */
const loadForwarding = () => import("../../forward.ts");

/** Ends a run in good order: the cursor stands after the last answer. */
function interruption(): AbortSignal {
  const aborter = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => aborter.abort());
  return aborter.signal;
}

type Forwarding = Awaited<ReturnType<typeof loadForwarding>>;

async function send(
  cli: Cli,
  { forward }: Forwarding,
  request: ForwardRun,
  json: boolean,
): Promise<void> {
  const result = await forward(request);
  const { accepted, url } = result;
  cli.print(json ? safeJson(result) : `Sent ${spansOf(accepted)} to ${url}.`);
  const failure = failureOf(result);
  if (failure !== null) throw new CliError(failure);
}

function preview(
  cli: Cli,
  { previewForward }: Forwarding,
  request: ForwardRequest,
  json: boolean,
): void {
  const found = previewForward(request);
  const { spans, url, firstEndMs, lastEndMs } = found;
  const period = spans > 0 ? `, from ${day(firstEndMs)} to ${day(lastEndMs)}` : "";
  cli.print(json ? safeJson(found) : `Would send ${spansOf(spans)} to ${url}${period}.`);
}

export function addForwardCommand(program: Command, cli: Cli): void {
  const parseSince = (text: string): Date => {
    const moment = parseMoment(text, cli.nowMs);
    if (moment) return moment;
    throw new InvalidArgumentError(
      `"${text}" is neither like 30d or 12h nor a date like 2026-01-31.`,
    );
  };
  const parseEndpoint = (text: string): string => {
    if (URL.canParse(text)) return text;
    throw new InvalidArgumentError(`"${text}" is no URL like http://localhost:4318.`);
  };
  const command = program
    .command("forward")
    .description("send stored spans to an OTLP endpoint, from where the last run stopped")
    .option(
      "--endpoint <url>",
      "where to (default: $OTEL_EXPORTER_OTLP_ENDPOINT, else localhost)",
      parseEndpoint,
    )
    .addOption(
      new Option("--protocol <name>", "default: $OTEL_EXPORTER_OTLP_PROTOCOL").choices(PROTOCOLS),
    )
    .option(
      "--since <moment>",
      "30d, 12h or a date: begin with what ended then, sent before or not",
      parseSince,
    )
    .option("--follow", "go on with new spans until interrupted")
    .option("--dry-run", "say what would be sent, and send nothing")
    .option("--json", "print JSON and nothing else")
    .action(async ({ since, follow = false, dryRun, json = false, ...target }: ForwardFlags) => {
      const sinceMs = since?.getTime() ?? null;
      const warn = (message: string): void => cli.note(terminalText(message));
      const request = { dbPath: cli.dbPath(), sinceMs, warn, ...target };
      const forwarding = await loadForwarding();
      try {
        if (dryRun) return preview(cli, forwarding, request, json);
        const onProgress = progressLines(cli);
        const run = { ...request, follow, signal: interruption(), onProgress };
        return await send(cli, forwarding, run, json);
      } catch (error) {
        if (!(error instanceof forwarding.ForwardSetupError)) throw error;
        throw new CliError(error.message, { cause: error });
      }
    });
  addExamples(command, [
    ["spanledger forward --endpoint http://localhost:4318 --dry-run", "how much would be sent"],
    [
      "spanledger forward --endpoint http://localhost:4318 --since 7d",
      "the last week, sent before or not",
    ],
    ["spanledger forward --follow", "all the time, to where the environment says"],
  ]);
}
