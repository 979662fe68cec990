/** Child processes of the fault tests, and a look into the files they leave. */
import { Database } from "bun:sqlite";
import { dirname, join } from "node:path";
import type { WriterHealth } from "../../src/index.ts";
import type { Command } from "./fault-host.ts";

const HOST = join(import.meta.dir, "fault-host.ts");

/** Every child must be gone after the test that started it, whatever became of the test. */
const running = new Set<Bun.Subprocess>();

export function killChildren(): void {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

export interface HostOptions {
  dbPath: string;
  flushOnSignals?: boolean;
  tellsHealthAtExit?: boolean;
}

export interface HostStart {
  /** What stands before `bun` on the command line. */
  prefix?: readonly string[];
  /** The host; it takes the options as JSON. */
  command?: readonly string[];
  env?: Record<string, string>;
  cwd?: string;
}

/** A host in a process of its own. */
export class Host {
  readonly child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #answers: AsyncGenerator<string, undefined>;
  readonly stderr: Promise<string>;

  constructor(options: HostOptions, { prefix = [], command, env = {}, cwd }: HostStart = {}) {
    const host = command ?? [process.execPath, HOST];
    this.child = Bun.spawn([...prefix, ...host, JSON.stringify(options)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    running.add(this.child);
    void this.child.exited.then(() => running.delete(this.child));
    this.#answers = linesOf(this.child.stdout);
    this.stderr = new Response(this.child.stderr).text();
  }

  /** The next line it prints; undefined once it has ended. */
  async read(): Promise<unknown> {
    const { value } = await this.#answers.next();
    return value === undefined ? undefined : JSON.parse(value);
  }

  async ready(): Promise<this> {
    if ((await this.read()) !== "ready") throw new Error(`no host: ${await this.stderr}`);
    return this;
  }

  write(command: Command): void {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    this.child.stdin.flush();
  }

  async ask(command: Command): Promise<unknown> {
    this.write(command);
    const answer = await this.read();
    if (answer === undefined) throw new Error(`the host ended: ${await this.stderr}`);
    return answer;
  }

  async health(command: Command = { do: "health" }): Promise<WriterHealth> {
    return (await this.ask(command)) as WriterHealth;
  }

  /** Closes stdin, so that it ends by itself, and waits for that. @returns its exit code. */
  async end(): Promise<number> {
    this.child.stdin.end();
    return this.child.exited;
  }
}

export async function startHost(options: HostOptions, start?: HostStart): Promise<Host> {
  return new Host(options, start).ready();
}

/** Holds a write lock on the file until it is told to let go, or killed. */
export async function startLocker(
  dbPath: string,
): Promise<Bun.Subprocess<"pipe", "pipe", "inherit">> {
  const script = `
    import { Database } from "bun:sqlite";
    const db = new Database(${JSON.stringify(dbPath)});
    db.run("PRAGMA busy_timeout = 5000");
    db.run("BEGIN EXCLUSIVE");
    console.log("locked");
    for await (const _ of process.stdin.stream ? process.stdin.stream() : process.stdin) break;
    db.run("ROLLBACK");
    db.close(true);
    process.exit(0);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  running.add(child);
  void child.exited.then(() => running.delete(child));
  const { value } = await linesOf(child.stdout).next();
  if (value !== "locked") throw new Error("no lock");
  return child;
}

export function query<T>(path: string, sql: string): T[] {
  const db = new Database(path, { readonly: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    return db.query(sql).all() as T[];
  } finally {
    db.close(true);
  }
}

/** The numbers of the spans in the file (-1 where a span has none), and whether SQLite finds the file in order. */
export function spansIn(path: string): { numbers: number[]; integrity: string } {
  const rows = query<{ n: number | null }>(
    path,
    "SELECT attribute_values -> 0 AS n FROM span_rows ORDER BY n + 0",
  );
  const [check] = query<{ integrity_check: string }>(path, "PRAGMA integrity_check");
  return { numbers: rows.map(({ n }) => Number(n ?? -1)), integrity: check?.integrity_check ?? "" };
}

export function range(count: number, first = 0): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

export function total(health: WriterHealth): number {
  const dropped = Object.values(health.dropped).reduce((sum, spans) => sum + spans, 0);
  return health.committed + health.queued + dropped;
}

/** What stands before a command whose system calls `inject` is done to, in each of its threads. */
export function strace(log: string, ...args: string[]): string[] {
  return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", log, ...args];
}

/** How often strace did what it was asked to: a fault that never came proves nothing. */
export function injections(log: string): number {
  const { stdout } = Bun.spawnSync(["grep", "-c", "-E", "\\((INJECTED|DELAYED)\\)", log]);
  return Number(stdout.toString());
}

/** A command that is not everywhere, with the sentence that says why a test is skipped. */
export function canRun(what: string, probe: readonly string[]): boolean {
  let isThere = false;
  try {
    isThere = Bun.spawnSync([...probe], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  } catch {
    // Not installed.
  }
  if (!isThere)
    console.log(`Skipped where marked: ${what} is not available here (${probe.join(" ")}).`);
  return isThere;
}

/** A file system of a test's own: for whoever may make one without rights. */
export function canMount(): boolean {
  return canRun("a mount namespace", ["unshare", "-rm", "mount", "-t", "tmpfs", "t", "/mnt"]);
}

/** A host on a small disk of its own, and the way to run commands where that disk is. */
export async function startHostOnSmallDisk(
  dbPath: string,
  { mebibytes, before = "" }: { mebibytes: number; before?: string },
): Promise<{ host: Host; inside: (...command: string[]) => string[] }> {
  const directory = dirname(dbPath);
  const mount = `mount -t tmpfs -o size=${mebibytes}m t ${directory} && cd ${directory}`;
  const script = `${mount} && { ${before || ":"} ; exec "$@" ; }`;
  const prefix = ["unshare", "-rm", "sh", "-c", script, "sh"];
  const host = await startHost({ dbPath }, { prefix });
  const pid = String(host.child.pid);
  const enter = ["nsenter", "-t", pid, "-U", "-m", "--preserve-credentials", "--"];
  return { host, inside: (...command) => [...enter, ...command] };
}

/** Flushes until the host says so of itself. */
export async function flushUntil(
  host: Host,
  isDone: (health: WriterHealth) => boolean,
): Promise<WriterHealth> {
  let health = await host.health({ do: "flush" });
  while (!isDone(health)) {
    await Bun.sleep(100);
    health = await host.health({ do: "flush" });
  }
  return health;
}
