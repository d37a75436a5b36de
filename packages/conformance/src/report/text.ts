/** The report as text. */
import type { Check, Outcome } from "../kit/check.ts";
import { type CheckResult, conforms, countOutcomes, type Report } from "../kit/report.ts";

const MARKS: Readonly<Record<Outcome, string>> = {
  pass: "ok  ",
  fail: "FAIL",
  skipped: "skip",
  inconclusive: "??  ",
};

/** One check: a line, and under a failure what was sent, what came, and what was expected. */
export function resultText(result: CheckResult): string {
  const { id, requirements, level, title, outcome, sent, received, expected, quirk } = result;
  const lines = [`${MARKS[outcome]} ${id} (${level} ${requirements.join(" ")}): ${title}`];
  if (outcome === "skipped") lines.push(`       ${expected}`);
  if (outcome === "fail" || outcome === "inconclusive") {
    if (sent !== "") lines.push(`       sent:     ${sent}`);
    lines.push(`       received: ${received}`, `       expected: ${expected}`);
    if (quirk) lines.push(`       known of ${quirk.of} (${quirk.name}): ${quirk.text}`);
  }
  return lines.join("\n");
}

/** The last lines of a run: sums, the ids of what did not pass (as `--only` takes them), and the verdict. */
export function summaryText(report: Report): string {
  const line = (level: "MUST" | "SHOULD") => {
    const { pass, fail, skipped, inconclusive } = countOutcomes(report.results, level);
    return `${level}: ${pass} passed, ${fail} failed, ${inconclusive} inconclusive, ${skipped} skipped`;
  };
  const named = (outcome: Outcome) => {
    const ids = report.results.filter((result) => result.outcome === outcome).map(({ id }) => id);
    return ids.length === 0 ? [] : [`${outcome}: ${ids.join(" ")}`];
  };
  const verdict = conforms(report) ? "conforms" : "does not conform";
  return [
    line("MUST"),
    line("SHOULD"),
    ...named("fail"),
    ...named("inconclusive"),
    `${report.target} ${verdict} to ${report.title} (seed ${report.seed})`,
  ].join("\n");
}

/** The checks of a profile, as `--list` shows them. */
export function listText(
  checks: readonly Pick<Check<never>, "id" | "level" | "requirements" | "title">[],
): string {
  return checks
    .map(({ id, level, requirements, title }) => `${id} (${level} ${requirements.join(" ")}): ${title}\n`)
    .join("");
}

/** All results and the verdict, for a terminal; ends with a line feed. */
export function textReport(report: Report): string {
  return `${[...report.results.map(resultText), "", summaryText(report)].join("\n")}\n`;
}
