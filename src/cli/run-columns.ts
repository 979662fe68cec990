import type { ExecutionItem } from "../report/list-executions.ts";
import type { Column } from "./column.ts";

/** `2026-11-24 13:17:05` in a time zone. */
function localTime(iso: string, timeZone: string): string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "medium",
  });
  return format.format(new Date(iso));
}

/** The columns of lists of runs. */
export function runColumns(timeZone = "UTC"): Column<ExecutionItem>[] {
  const column = (
    title: string,
    name: string,
    kind: Column<ExecutionItem>["kind"],
    value: Column<ExecutionItem>["value"],
    rank = 0,
  ): Column<ExecutionItem> => ({ title, name, kind, value, rank });
  return [
    column("run", "id", "number", (run) => run.id),
    {
      ...column("ended", "ended_at", "text", (run) => run.endedAt, 1),
      text: (run) => localTime(run.endedAt, timeZone),
    },
    column("agent", "agent_name", "text", (run) => run.agentName, 5),
    column("repo", "repo", "text", (run) => run.repo),
    column("pr", "pr_number", "number", (run) => run.prNumber, 3),
    column("event", "event_type", "text", (run) => run.eventType, 4),
    column("model", "model", "text", (run) => run.model, 6),
    {
      ...column("conclusion", "conclusion", "text", (run) => run.conclusion),
      text: (run) => (run.errorType ? `${run.conclusion}: ${run.errorType}` : run.conclusion),
      style: (run) => (run.conclusion === "success" ? null : "red"),
    },
    column("turns", "num_turns", "number", (run) => run.numTurns, 7),
    column("duration", "duration_ms", "ms", (run) => run.durationMs, 2),
    {
      ...column("cost", "cost_usd", "usd", (run) => run.costNanoUsd),
      isLowerBound: ({ unpriced }) => unpriced > 0,
      style: (run) => (run.costNanoUsd === null ? "yellow" : null),
    },
  ];
}
