import { type CheckResult, countOutcomes, type Report } from "../kit/report.ts";
import { escapeMarkup } from "./markup.ts";

/**
 * JUnit's XML, as CI systems read it: a broken SHOULD is a failure as well, with its level in the type. The properties
 * have what gives the same run again.
 */
export function junitReport(report: Report): string {
  const { fail, skipped, inconclusive } = countOutcomes(report.results);
  const seconds = report.results.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1_000;
  const name = escapeMarkup(`${report.profile} ${report.target}`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="branchcache-conformance">`,
    `  <testsuite name="${name}" tests="${report.results.length}" failures="${fail}" errors="${inconclusive}" ` +
      `skipped="${skipped}" time="${seconds.toFixed(3)}" timestamp="${report.startedAt}">`,
    `    <properties><property name="seed" value="${report.seed}"/>` +
      `<property name="version" value="${escapeMarkup(report.version)}"/></properties>`,
    ...report.results.map((result) => testCase(report.profile, result)),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testCase(profile: string, result: CheckResult): string {
  const open =
    `    <testcase classname="${escapeMarkup(profile)}" name="${escapeMarkup(`${result.id}: ${result.title}`)}" ` +
    `time="${(result.durationMs / 1_000).toFixed(3)}">`;
  const { expected, quirk, received, sent } = result;
  const known = quirk ? `\nknown of ${quirk.of} (${quirk.name}): ${quirk.text}` : "";
  const details = escapeMarkup(`sent: ${sent}\nreceived: ${received}\nexpected: ${expected}${known}`);
  const type = `${result.level} ${result.requirements.join(" ")}`;
  switch (result.outcome) {
    case "pass":
      return `${open}</testcase>`;
    case "skipped":
      return `${open}<skipped message="${escapeMarkup(result.expected)}"/></testcase>`;
    case "fail":
      return `${open}<failure type="${escapeMarkup(type)}" message="${escapeMarkup(result.title)}">${details}</failure></testcase>`;
    case "inconclusive":
      return `${open}<error type="${escapeMarkup(type)}" message="inconclusive">${details}</error></testcase>`;
  }
}
