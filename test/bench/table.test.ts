import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { RESULTS_VARIABLE, type Result, startReport } from "../../bench/support/report.js";
import { resultTable } from "../../bench/support/table.js";

const bench = join(import.meta.dirname, "..", "..", "bench");

const reached: Result = {
  kind: "ratio",
  benchmark: "store",
  what: "put | flush",
  ours: "812 MB/s",
  reference: "dd, 900 MB/s",
  ratio: 0.9,
  range: [0.85, 1.1],
  aim: 0.8,
};
const resident = { kind: "figure", benchmark: "daemon", unit: "MB", limit: 1_000 } as const;

describe("the table of a run's results", () => {
  it("has a row for each ratio, bold where the aim is missed", () => {
    const missed: Result = { ...reached, what: "get", ratio: 0.799, range: undefined };
    const free: Result = { ...missed, what: "view", aim: undefined };
    expect(resultTable([reached, missed, free], ["On a machine.", "Quiet."])).toBe(
      `On a machine. Quiet.

| benchmark | what | ours | reference | ratio | aim |
| --- | --- | --- | --- | --- | --- |
| store | put \\| flush | 812 MB/s | dd, 900 MB/s | 0.90 (0.85 to 1.10) | 0.8 |
| store | get | 812 MB/s | dd, 900 MB/s | **0.80** | 0.8 |
| store | view | 812 MB/s | dd, 900 MB/s | 0.80 |  |
`,
    );
  });

  it("has figures with limits of their own, and what was not measured, apart", () => {
    const results: readonly Result[] = [
      { ...resident, what: "resident", value: 1_000, bound: "most" },
      { ...resident, what: "resident later", value: 1_001, bound: "most" },
      { ...resident, what: "answers", value: 1_000, bound: "least" },
      { ...resident, what: "answers later", value: 12.34, bound: "least" },
      { kind: "skipped", benchmark: "gateway", what: "all of it", reason: "nginx is not installed" },
    ];
    expect(resultTable(results, ["On a machine."])).toBe(
      `On a machine.

| benchmark | figure with a limit of its own | ours | limit |
| --- | --- | --- | --- |
| daemon | resident | 1,000 MB | at most 1,000 MB |
| daemon | resident later | **1,001 MB** | at most 1,000 MB |
| daemon | answers | 1,000 MB | at least 1,000 MB |
| daemon | answers later | **12.3 MB** | at least 1,000 MB |

Not measured: gateway: all of it (nginx is not installed).
`,
    );
  });
});

describe("a benchmark's report", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  it("tells each result, and leaves it for the table", async () => {
    const directory = await mkdtemp(join(tmpdir(), "branchcache-results-"));
    const file = join(directory, "results");
    vi.stubEnv(RESULTS_VARIABLE, file);
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const report = startReport("/somewhere/store.js", "512 MiB");
    report.ratio({ what: "put", ours: "9 MB/s", reference: "dd, 10 MB/s", ratios: [1, 0.5, 0.9], aim: 0.8 });
    report.figure({ what: "resident", value: 93.21, unit: "MB", limit: 100 });
    report.skipped("get", "no openssl");
    report.note("by the way");
    const [head, ...lines] = log.mock.calls.map(([text]) => text);
    expect(head).toMatch(/^store: 512 MiB; \d+ x .+ GiB, .+, Node\.js v.+; load average [\d.]+$/);
    expect(lines).toEqual([
      "put: 9 MB/s, 0.90 (0.50 to 1.00) of dd, 10 MB/s (asked: 0.8)",
      "resident: 93.2 MB (asked: at most 100)",
      "get: skipped, no openssl",
      "by the way",
    ]);
    const left = (await readFile(file, "utf8")).trim().split("\n");
    await rm(directory, { recursive: true });
    expect(left.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ kind: "ratio", benchmark: "store", ratio: 0.9, range: [0.5, 1], aim: 0.8 }),
      { ...resident, benchmark: "store", what: "resident", value: 93.21, limit: 100, bound: "most" },
      { kind: "skipped", benchmark: "store", what: "get", reason: "no openssl" },
    ]);
  });
});

describe("bench", () => {
  it("names all benchmarks to who asks for one that is not there", async () => {
    const [code, complaint] = await new Promise<[unknown, string]>((resolve) => {
      execFile(process.execPath, [join(bench, "run.js"), "--quick", "stores"], (error, _, stderr) =>
        resolve([error?.code, stderr]),
      );
    });
    expect(code).toBe(2);
    expect(complaint).toMatch(/^no benchmark stores; there are retrieval, .*daemon\n$/);
  });

  it("runs every program beside it, but for those that take no times; README.md tells of all", async () => {
    const programs = (await readdir(bench)).filter((name) => name.endsWith(".js") && name !== "run.js");
    const [run, readme] = await Promise.all(
      ["run.js", "README.md"].map((name) => readFile(join(bench, name), "utf8")),
    );
    const untimed = ["cutting.js", "discovery-office-page.js", "discovery-office.js"];
    for (const program of programs) {
      expect(readme?.includes(`node bench/${program}`), program).toBe(true);
      const isRun = new RegExp(`^ {2}"?${program.replace(/\.js$/, "")}"?: \\[`, "m").test(run ?? "");
      expect(isRun, program).toBe(!untimed.includes(program));
    }
  });
});
