/** One model has many names: with a vendor or a region in front, a date or a context size behind. */

/** What may stand in front of a name: `us.anthropic.`, `anthropic/`, `publishers/google/models/`. */
const PREFIX =
  /^(?:.*\/)?(?:(?:us|us-gov|eu|apac|au|jp|ca|global|regional)\.)?(?:(?:anthropic|amazon|meta|mistral|cohere|deepseek|openai)\.)?/;
const CONTEXT_SIZE = /\[\d+[km]\]$/;
const BEDROCK_VERSION = /-v(?:1|\d+:\d+)$/;
const DATE = /[-@](20\d{2})-?(\d{2})-?(\d{2})$/;
const LATEST = /[-@](?:latest|default)$/;

interface NameParts {
  bare: string;
  /** `YYYYMMDD` */
  date: string | null;
}

/** The name without its `[1m]`, which chooses a context size and not a model. */
export function withoutContextSize(name: string): string {
  return name.replace(CONTEXT_SIZE, "");
}

/** The name that is left when vendor, region, date and version are taken off: `claude-sonnet-4-5`. */
export function bareModelName(name: string): string {
  return nameParts(name).bare;
}

/** Whether two names differ in nothing that tells one model from another. */
export function isSameModel(a: string, b: string): boolean {
  const left = nameParts(a);
  const right = nameParts(b);
  if (left.date !== null && right.date !== null && left.date !== right.date) return false;
  return left.bare === right.bare;
}

function nameParts(name: string): NameParts {
  const tail = withoutContextSize(name.trim().toLowerCase())
    .replace(PREFIX, "")
    .replace(BEDROCK_VERSION, "");
  const date = DATE.exec(tail);
  const bare = tail.replace(DATE, "").replace(LATEST, "").replaceAll(".", "-").replace(/-0$/, "");
  return { bare, date: date === null ? null : date.slice(1).join("") };
}
