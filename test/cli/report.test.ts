import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { ACME_NOW_MS, writeAcme } from "../support/acme.ts";
import { commandLine } from "../support/command-line.ts";
import { execution, modelUsage, spanRow, usage } from "../support/span-rows.ts";

let path: string;
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  writeAcme(path);
});
afterAll(() => rmSync(dirname(path), { recursive: true }));

async function report(...args: string[]): Promise<string> {
  const { exitCode, out, error } = await commandLine(["--db", path, "report", ...args]);
  expect([exitCode, error]).toEqual([0, ""]);
  return `\n${out}\n`;
}

async function wrong(...args: string[]): Promise<string> {
  const { exitCode, out, error } = await commandLine(["--db", path, "report", ...args]);
  expect([exitCode, out]).toEqual([2, ""]);
  return `\n${error.replace("\n(spanledger help shows what there is)", "")}`;
}

describe("spanledger report", () => {
  test("sums by model, and says beneath what a reader must know", async () => {
    expect(await report()).toMatchInlineSnapshot(`
      "
      model              runs  failed  uncached in  cache read  cache write  output   hit       cost   cost/run        p50         p95
      claude-sonnet-4-5     4       2        6,500     140,000       29,000  13,410  80 %    $0.3959    $0.0990      9.0 s  2 min 10 s
      gpt-5                 1       0        2,000           0            0     700   0 %    $0.0095    $0.0095     18.0 s      18.0 s
      claude-haiku-4-5      1       0          800           0            0      90   0 %    $0.0013    $0.0013  1 min 2 s   1 min 2 s
      in-house-7b           1       0          900           0            0      50   0 %          ?          ?      4.0 s       4.0 s
      total                 6       2       10,200     140,000       29,000  14,250  78 %  ≥ $0.4067  ≥ $0.0678      9.0 s  2 min 10 s
      No price is known for in-house-7b: the cost of 1 use is not in the sums.
      claude-sonnet-4-5: reported cost $0.3959 and the price list's $0.4197 differ by 6.0 %.
      2.3 % of the cost is computed from prices, not reported.
      1 run ended without a full account: what they used is a lower bound.
      "
    `);
  });

  test("--by groups by several dimensions, in order", async () => {
    expect(await report("--by", "repo,event")).toMatchInlineSnapshot(`
      "
      repo       event    runs  failed  uncached in  cache read  cache write  output   hit       cost   cost/run        p50         p95
      acme/web   review      2       1        7,000      88,000       20,000  10,600  77 %    $0.2744    $0.1372     18.0 s  2 min 10 s
      acme/api   review      1       0        2,000      40,000        9,000   3,190  78 %    $0.1216    $0.1216  1 min 2 s   1 min 2 s
      acme/api   mention     1       0          300      12,000            0     410  98 %    $0.0107    $0.0107      9.0 s       9.0 s
      acme/docs  write       1       0          900           0            0      50   0 %          ?          ?      4.0 s       4.0 s
      -          write       1       1            0           0            0       0     ?          ?          ?      3.0 s       3.0 s
      total                  6       2       10,200     140,000       29,000  14,250  78 %  ≥ $0.4067  ≥ $0.0678      9.0 s  2 min 10 s
      No price is known for in-house-7b: the cost of 1 use is not in the sums.
      claude-sonnet-4-5: reported cost $0.3959 and the price list's $0.4197 differ by 6.0 %.
      2.3 % of the cost is computed from prices, not reported.
      1 run ended without a full account: what they used is a lower bound.
      "
    `);
  });

  test("--by knows provider, pr, agent, conclusion and session", async () => {
    const lines: string[] = [];
    for (const name of ["provider", "pr", "agent", "conclusion", "session"]) {
      const csv = await report("--by", name, "--format", "csv");
      lines.push(
        ...csv
          .trim()
          .split("\n")
          .map((line) => line.split(",").slice(0, 2).join(" ")),
      );
    }
    expect(lines.join("\n")).toMatchInlineSnapshot(`
      "provider runs
      anthropic 4
      openai 1
       1
      pr runs
      7 1
      41 2
      8 1
       2
      agent runs
      reviewer 4
      writer 2
      conclusion runs
      failure 1
      success 4
      error 1
      session runs
       4
      s-1 2"
    `);
  });

  test("--by may be given several times, and --where for several dimensions", async () => {
    const one = await report("--by", "repo,event");
    expect(await report("--by", "repo", "--by", "event,repo")).toBe(one);
    const where = ["--where", "repo=acme/api", "--where", "event=review"];
    expect(await report("--by", "repo,event", ...where)).toContain("\nacme/api  review     1");
  });

  test("--by a time is a series, in its order", async () => {
    expect(await report("--by", "day")).toMatchInlineSnapshot(`
      "
      day         runs  failed  uncached in  cache read  cache write  output   hit       cost   cost/run     p50         p95
      2026-11-12     1       1            0           0            0       0     ?          ?          ?   3.0 s       3.0 s
      2026-11-17     1       0          900           0            0      50   0 %          ?          ?   4.0 s       4.0 s
      2026-11-19     2       1        7,000      88,000       20,000  10,600  77 %    $0.2744    $0.1372  18.0 s  2 min 10 s
      2026-11-20     2       0        2,300      52,000        9,000   3,600  82 %    $0.1323    $0.0661   9.0 s   1 min 2 s
      total          6       2       10,200     140,000       29,000  14,250  78 %  ≥ $0.4067  ≥ $0.0678   9.0 s  2 min 10 s
      No price is known for in-house-7b: the cost of 1 use is not in the sums.
      claude-sonnet-4-5: reported cost $0.3959 and the price list's $0.4197 differ by 6.0 %.
      2.3 % of the cost is computed from prices, not reported.
      1 run ended without a full account: what they used is a lower bound.
      "
    `);
    expect(await report("--by", "week")).toContain("\n2026-11-09 ");
    expect(await report("--by", "month")).toContain("\n2026-11 ");
    expect(await report("--by", "hour", "--since", "2h")).toContain("\n2026-11-20 11:00 ");
  });

  test("--by attr:KEY groups by an attribute of the run", async () => {
    expect(await report("--by", "attr:team")).toMatchInlineSnapshot(`
      "
      attr:team  runs  failed  uncached in  cache read  cache write  output   hit       cost   cost/run         p50         p95
      web           1       1        5,000      88,000       20,000   9,900  78 %    $0.2649    $0.2649  2 min 10 s  2 min 10 s
      core          2       0        2,300      52,000        9,000   3,600  82 %    $0.1323    $0.0661       9.0 s   1 min 2 s
      -             3       1        2,900           0            0     750   0 %  ≥ $0.0095  ≥ $0.0032       4.0 s      18.0 s
      total         6       2       10,200     140,000       29,000  14,250  78 %  ≥ $0.4067  ≥ $0.0678       9.0 s  2 min 10 s
      No price is known for in-house-7b: the cost of 1 use is not in the sums.
      claude-sonnet-4-5: reported cost $0.3959 and the price list's $0.4197 differ by 6.0 %.
      2.3 % of the cost is computed from prices, not reported.
      1 run ended without a full account: what they used is a lower bound.
      "
    `);
  });

  test("--since and --until take lengths and dates", async () => {
    expect(await report("--by", "repo", "--since", "30h")).toMatchInlineSnapshot(`
      "
      repo      runs  failed  uncached in  cache read  cache write  output   hit     cost  cost/run     p50         p95
      acme/web     2       1        7,000      88,000       20,000  10,600  77 %  $0.2744   $0.1372  18.0 s  2 min 10 s
      acme/api     2       0        2,300      52,000        9,000   3,600  82 %  $0.1323   $0.0661   9.0 s   1 min 2 s
      total        4       1        9,300     140,000       29,000  14,200  79 %  $0.4067   $0.1017  18.0 s  2 min 10 s
      claude-sonnet-4-5: reported cost $0.3959 and the price list's $0.4197 differ by 6.0 %.
      2.3 % of the cost is computed from prices, not reported.
      "
    `);
    expect(
      await report("--by", "repo", "--since", "2026-11-17", "--until", "2026-11-19"),
    ).toMatchInlineSnapshot(`
      "
      repo       runs  failed  uncached in  cache read  cache write  output  hit  cost  cost/run    p50    p95
      acme/docs     1       0          900           0            0      50  0 %     ?         ?  4.0 s  4.0 s
      total         1       0          900           0            0      50  0 %     ?         ?  4.0 s  4.0 s
      No price is known for in-house-7b: the cost of 1 use is not in the sums.
      "
    `);
  });

  test("--tz moves the days and the dates", async () => {
    const days = await report("--by", "day", "--tz", "Pacific/Auckland", "--since", "2026-11-20");
    expect(days).toMatchInlineSnapshot(`
      "
      day         runs  failed  uncached in  cache read  cache write  output   hit     cost  cost/run        p50        p95
      2026-11-20     1       0          300      12,000            0     410  98 %  $0.0107   $0.0107      9.0 s      9.0 s
      2026-11-21     1       0        2,000      40,000        9,000   3,190  78 %  $0.1216   $0.1216  1 min 2 s  1 min 2 s
      total          2       0        2,300      52,000        9,000   3,600  82 %  $0.1323   $0.0661      9.0 s  1 min 2 s
      "
    `);
  });

  test("--where filters, several times, and an empty value is the unknown one", async () => {
    const both = ["--where", "repo=acme/api", "--where", "model=claude-haiku-4-5"];
    expect(await report("--by", "event", ...both)).toMatchInlineSnapshot(`
      "
      event   runs  failed  uncached in  cache read  cache write  output  hit     cost  cost/run        p50        p95
      review     1       0          800           0            0      90  0 %  $0.0013   $0.0013  1 min 2 s  1 min 2 s
      total      1       0          800           0            0      90  0 %  $0.0013   $0.0013  1 min 2 s  1 min 2 s
      "
    `);
    expect(await report("--by", "event", "--where", "repo=")).toMatchInlineSnapshot(`
      "
      event  runs  failed  uncached in  cache read  cache write  output  hit  cost  cost/run    p50    p95
      write     1       1            0           0            0       0    ?     ?         ?  3.0 s  3.0 s
      total     1       1            0           0            0       0    ?     ?         ?  3.0 s  3.0 s
      1 run ended without a full account: what they used is a lower bound.
      "
    `);
  });

  test("--sort orders by any column", async () => {
    expect(
      await report("--by", "repo", "--sort", "runs", "--format", "csv"),
    ).toMatchInlineSnapshot(`
      "
      repo,runs,failures,input_tokens,cache_read_tokens,cache_creation_tokens,output_tokens,cache_hit_share,cost_usd,cost_per_run_usd,p50_duration_ms,p95_duration_ms
      acme/api,2,0,2300,52000,9000,3600,0.8214849921011058,0.13225,0.066125,9024,62208
      acme/web,2,1,7000,88000,20000,10600,0.7652173913043478,0.2744,0.1372,18048,129536
      acme/docs,1,0,900,0,0,50,0,,,4016,4016
      ,1,1,0,0,0,0,,,,2992,2992
      "
    `);
    expect(await report("--by", "repo", "--sort", "key", "--format", "csv")).toMatchInlineSnapshot(`
      "
      repo,runs,failures,input_tokens,cache_read_tokens,cache_creation_tokens,output_tokens,cache_hit_share,cost_usd,cost_per_run_usd,p50_duration_ms,p95_duration_ms
      acme/api,2,0,2300,52000,9000,3600,0.8214849921011058,0.13225,0.066125,9024,62208
      acme/docs,1,0,900,0,0,50,0,,,4016,4016
      acme/web,2,1,7000,88000,20000,10600,0.7652173913043478,0.2744,0.1372,18048,129536
      ,1,1,0,0,0,0,,,,2992,2992
      "
    `);
  });

  test("--top adds up the others", async () => {
    expect(await report("--by", "repo", "--top", "1")).toMatchInlineSnapshot(`
      "
      repo      runs  failed  uncached in  cache read  cache write  output   hit       cost   cost/run     p50         p95
      acme/web     2       1        7,000      88,000       20,000  10,600  77 %    $0.2744    $0.1372  18.0 s  2 min 10 s
      (3 more)     4       1        3,200      52,000        9,000   3,650  81 %  ≥ $0.1323  ≥ $0.0331   4.0 s   1 min 2 s
      total        6       2       10,200     140,000       29,000  14,250  78 %  ≥ $0.4067  ≥ $0.0678   9.0 s  2 min 10 s
      No price is known for in-house-7b: the cost of 1 use is not in the sums.
      claude-sonnet-4-5: reported cost $0.3959 and the price list's $0.4197 differ by 6.0 %.
      2.3 % of the cost is computed from prices, not reported.
      1 run ended without a full account: what they used is a lower bound.
      "
    `);
  });

  test("--format csv, markdown and json", async () => {
    const query = ["--by", "repo,model", "--since", "6h"];
    expect(await report(...query, "--format", "csv")).toMatchInlineSnapshot(`
      "
      repo,model,runs,failures,input_tokens,cache_read_tokens,cache_creation_tokens,output_tokens,cache_hit_share,cost_usd,cost_per_run_usd,p50_duration_ms,p95_duration_ms
      acme/api,claude-sonnet-4-5,2,0,1500,52000,9000,3510,0.832,0.131,0.0655,9024,62208
      acme/api,claude-haiku-4-5,1,0,800,0,0,90,0,0.00125,0.00125,62208,62208
      "
    `);
    expect(await report(...query, "--format", "markdown")).toMatchInlineSnapshot(`
      "
      | repo | model | runs | failed | uncached in | cache read | cache write | output | hit | cost | cost/run | p50 | p95 |
      | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
      | acme/api | claude-sonnet-4-5 | 2 | 0 | 1,500 | 52,000 | 9,000 | 3,510 | 83 % | $0.1310 | $0.0655 | 9.0 s | 1 min 2 s |
      | acme/api | claude-haiku-4-5 | 1 | 0 | 800 | 0 | 0 | 90 | 0 % | $0.0013 | $0.0013 | 1 min 2 s | 1 min 2 s |
      | total |  | 2 | 0 | 2,300 | 52,000 | 9,000 | 3,600 | 82 % | $0.1323 | $0.0661 | 9.0 s | 1 min 2 s |
      "
    `);
    const json = await report(...query, "--format", "json");
    expect(await report(...query, "--json")).toBe(json);
    expect(JSON.parse(json)).toMatchObject({
      by: ["repo", "model"],
      groups: [
        { key: { repo: "acme/api", model: "claude-sonnet-4-5" }, costNanoUsd: 131_000_000 },
        { key: { repo: "acme/api", model: "claude-haiku-4-5" }, costNanoUsd: 1_250_000 },
      ],
      total: { runs: 2, costUsd: 0.13225 },
    });
  });

  test("--compare sets a period against the one before", async () => {
    expect(await report("--by", "repo", "--compare", "1d")).toMatchInlineSnapshot(`
      "
      repo      runs  before  change  failed  before  change     cost   before  change
      acme/api     2       0     new       0       0       =  $0.1323  $0.0000     new
      acme/web     0       2  −100 %       0       1  −100 %  $0.0000  $0.2744  −100 %
      total        2       2       =       0       1  −100 %  $0.1323  $0.2744   −52 %
      "
    `);
    expect(JSON.parse(await report("--compare", "7d", "--json"))).toMatchObject({
      current: { total: { runs: 5 } },
      previous: { total: { runs: 1 } },
    });
  });

  test("--fail-over fails above the amount, after the report", async () => {
    const args = ["--db", path, "report", "--fail-over"];
    const { exitCode, out, error } = await commandLine([...args, "0.10"]);
    expect(exitCode).toBe(1);
    expect(out).toContain("total");
    expect(error).toBe("The cost of $0.4067 is over $0.1000 (--fail-over).");
    expect((await commandLine([...args, "0.5"])).exitCode).toBe(0);
    // 2.01 times 1e9 is less than 2,010,000,000 to a computer.
    const exactly = join(dirname(path), "exactly.db");
    const store = new Store({ path: exactly, writer: "w", busyTimeoutMs: 1000 });
    const models = [modelUsage({ reportedCostNanoUsd: 2_010_000_000 })];
    store.write([spanRow({ execution: execution(), usage: usage({ models }) })], ACME_NOW_MS);
    store.close();
    const code = async (usd: string): Promise<number> =>
      (await commandLine(["--db", exactly, "report", "--fail-over", usd])).exitCode;
    expect([await code("2.01"), await code("2.009999999")]).toEqual([0, 1]);
  });

  test("on a terminal, groups have bars, and what is wrong is red", async () => {
    const terminal = { isInteractive: true, hasColor: true, columns: 140 };
    const { out } = await commandLine(["--db", path, "report", "--by", "repo"], { terminal });
    expect(out.replaceAll("\u001b", "ESC")).toMatchInlineSnapshot(`
      "ESC[1mrepoESC[0m       ESC[1mrunsESC[0m  ESC[1mfailedESC[0m  ESC[1muncached inESC[0m  ESC[1mcache readESC[0m  ESC[1mcache writeESC[0m  ESC[1moutputESC[0m   ESC[1mhitESC[0m       ESC[1mcostESC[0m   ESC[1mcost/runESC[0m     ESC[1mp50ESC[0m         ESC[1mp95ESC[0m
      acme/web      2       ESC[31m1ESC[0m        7,000      88,000       20,000  10,600  77 %    $0.2744    $0.1372  18.0 s  2 min 10 s  ESC[36m████████████ESC[0m
      acme/api      2       0        2,300      52,000        9,000   3,600  82 %    $0.1323    $0.0661   9.0 s   1 min 2 s  ESC[36m█████▊ESC[0m
      acme/docs     1       0          900           0            0      50   0 %          ESC[33m?ESC[0m          ?   4.0 s       4.0 s
      ESC[2m-ESC[0m             1       ESC[31m1ESC[0m            0           0            0       0     ?          ESC[33m?ESC[0m          ?   3.0 s       3.0 s
      ESC[1mtotalESC[0m         ESC[1m6ESC[0m       ESC[31m2ESC[0m       ESC[1m10,200ESC[0m     ESC[1m140,000ESC[0m       ESC[1m29,000ESC[0m  ESC[1m14,250ESC[0m  ESC[1m78 %ESC[0m  ESC[1m≥ $0.4067ESC[0m  ESC[1m≥ $0.0678ESC[0m   ESC[1m9.0 sESC[0m  ESC[1m2 min 10 sESC[0m
      No price is known for in-house-7b: the cost of 1 use is not in the sums.
      claude-sonnet-4-5: reported cost $0.3959 and the price list's $0.4197 differ by 6.0 %.
      2.3 % of the cost is computed from prices, not reported.
      1 run ended without a full account: what they used is a lower bound."
    `);
    const plain = { ...terminal, hasColor: false };
    const { out: noColor } = await commandLine(["--db", path, "report"], { terminal: plain });
    expect(noColor).toContain("█");
    expect(noColor).not.toContain("\u001b");
  });

  test("fits a narrow terminal: names are cut, columns go, and that is said", async () => {
    for (const columns of [60, 80]) {
      const terminal = { isInteractive: true, columns };
      const { out } = await commandLine(["--db", path, "report", "--by", "day,model"], {
        terminal,
      });
      for (const line of out.split("\n"))
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
    }
    const terminal = { isInteractive: true, columns: 40 };
    const { out } = await commandLine(["--db", path, "report", "--by", "repo,model"], { terminal });
    expect(out).toMatchInlineSnapshot(`
      "repo       model         runs       cost
      acme/web   claude-sonn…     1    $0.2649
      acme/api   claude-sonn…     2    $0.1310
      acme/web   gpt-5            1    $0.0095
      acme/api   claude-haik…     1    $0.0013
      acme/docs  in-house-7b      1          ?
      -          claude-sonn…     1          ?
      total                       6  ≥ $0.4067
      No price is known for in-house-7b: the
      cost of 1 use is not in the sums.
      claude-sonnet-4-5: reported cost $0.3959
      and the price list's $0.4197 differ by
      6.0 %.
      2.3 % of the cost is computed from
      prices, not reported.
      1 run ended without a full account: what
      they used is a lower bound.
      A wider terminal, or --json, also has
      failed, uncached in, cache read, cache
      write, output, hit, cost/run, p50, p95."
    `);
    const compare = ["--db", path, "report", "--by", "repo", "--compare", "1d"];
    expect((await commandLine(compare, { terminal })).out).toMatchInlineSnapshot(`
      "repo         cost   before  change
      acme/api  $0.1323  $0.0000     new
      acme/web  $0.0000  $0.2744  −100 %
      total     $0.1323  $0.2744   −52 %
      A wider terminal, or --json, also has
      runs, before, change, failed."
    `);
  });

  test("a period without runs is a sentence", async () => {
    expect(await report("--until", "2020-01-01")).toMatchInlineSnapshot(`
      "
      No runs in this period.
      "
    `);
  });
});

describe("what cannot be meant", () => {
  test("is named, with what is allowed or was likely meant", async () => {
    const lines = [
      ["--by", "modle"],
      ["--by", "colour"],
      ["--sinse", "3d"],
      ["--since", "yesterday"],
      ["--until", "2026-13-01"],
      ["--since", "2026-02-30"],
      ["--tz", "Europe/Berlni"],
      ["--where", "repo"],
      ["--where", "repo=a", "--where", "repo=b"],
      ["--where", "rpo=acme/api"],
      ["--where", "day=2026-11-20"],
      ["--sort", "costs"],
      ["--top", "0"],
      ["--format", "jsno"],
      ["--compare", "week"],
      ["--compare", "7d", "--by", "day"],
      ["--compare", "7d", "--top", "3"],
      ["--fail-over", "ten"],
      ["--since", "2026-11-02", "--until", "2026-11-01"],
    ];
    const errors: string[] = [];
    for (const args of lines) errors.push(await wrong(...args));
    expect(errors.join("")).toMatchInlineSnapshot(`
      "
      error: option '--by <dimensions>' argument 'modle' is invalid. "modle": Did you mean model?
      error: option '--by <dimensions>' argument 'colour' is invalid. "colour": Use model, provider, repo, pr, event, agent, conclusion, session, hour, day, week, month, attr:KEY.
      error: unknown option '--sinse'
      (Did you mean --since?)
      error: option '--since <moment>' argument 'yesterday' is invalid. "yesterday" is neither like 30d or 12h nor a date like 2026-01-31.
      error: option '--until <moment>' argument '2026-13-01' is invalid. "2026-13-01" is neither like 30d or 12h nor a date like 2026-01-31.
      error: option '--since <moment>' argument '2026-02-30' is invalid. "2026-02-30" is neither like 30d or 12h nor a date like 2026-01-31.
      error: option '--tz <zone>' argument 'Europe/Berlni' is invalid. "Europe/Berlni" is no time zone like Europe/Berlin. Did you mean Europe/Berlin?
      error: option '--where <key=value>' argument 'repo' is invalid. "repo" is not like repo=acme/api.
      error: option '--where <key=value>' argument 'repo=b' is invalid. Nothing has two values of repo at once.
      error: option '--where <key=value>' argument 'rpo=acme/api' is invalid. "rpo": Did you mean repo?
      error: option '--where <key=value>' argument 'day=2026-11-20' is invalid. A day is chosen with --since and --until; use model, provider, repo, pr, event, agent, conclusion, session or attr:KEY.
      error: option '--sort <column>' argument 'costs' is invalid. Did you mean cost?
      error: option '--top <n>' argument '0' is invalid. "0" is not a whole number from 1 on.
      error: option '--format <name>' argument 'jsno' is invalid. Did you mean json?
      error: option '--compare <length>' argument 'week' is invalid. "week" is not a length of time like 7d or 12h.
      error: --compare cannot go with --by day: two periods share none.
      error: --compare cannot go with --top.
      error: option '--fail-over <usd>' argument 'ten' is invalid. "ten" is not an amount in dollars like 12.50.
      --since 2026-11-02 is not before --until 2026-11-01."
    `);
  });
});
