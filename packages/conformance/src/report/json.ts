import { conforms, countOutcomes, type Report } from "../kit/report.ts";

/** The report with its sums, as one JSON document. */
export function jsonReport(report: Report): string {
  const must = countOutcomes(report.results, "MUST");
  const should = countOutcomes(report.results, "SHOULD");
  return `${JSON.stringify({ ...report, conforms: conforms(report), must, should }, null, 2)}\n`;
}
