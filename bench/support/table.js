// @ts-check
/** The results of all benchmarks of one run, as Markdown. */
import { holds, short } from "./report.js";

/** @typedef {import("./report.js").Result} Result */

/** Nothing that a benchmark says may end a cell. @param {readonly string[]} cells */
function row(cells) {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function table(head, rows) {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

/** In bold what misses its aim. @param {boolean} isMissed @param {string} text */
const told = (isMissed, text) => (isMissed ? `**${text}**` : text);

/**
 * @param {readonly Result[]} results in the order in which they came
 * @param {readonly string[]} conditions sentences: where, when and how it was measured
 */
export function resultTable(results, conditions) {
  const ratios = results.filter((result) => result.kind === "ratio");
  const figures = results.filter((result) => result.kind === "figure");
  const skipped = results.filter((result) => result.kind === "skipped");
  const parts = [conditions.join(" ")];
  if (ratios.length > 0) {
    parts.push(
      table(
        ["benchmark", "what", "ours", "reference", "ratio", "aim"],
        ratios.map(({ aim, benchmark, ours, range, ratio, reference, what }) => {
          const between = range ? ` (${range.map((one) => one.toFixed(2)).join(" to ")})` : "";
          const shown = told(aim !== undefined && ratio < aim, ratio.toFixed(2));
          return [benchmark, what, ours, reference, `${shown}${between}`, String(aim ?? "")];
        }),
      ),
    );
  }
  if (figures.length > 0) {
    parts.push(
      table(
        ["benchmark", "figure with a limit of its own", "ours", "limit"],
        figures.map((figure) => {
          const { benchmark, bound, limit, unit, value, what } = figure;
          const ours = told(!holds(figure), `${short(value)} ${unit}`);
          return [benchmark, what, ours, `at ${bound} ${limit.toLocaleString("en-US")} ${unit}`];
        }),
      ),
    );
  }
  if (skipped.length > 0) {
    const lines = skipped.map(({ benchmark, reason, what }) => `${benchmark}: ${what} (${reason})`);
    parts.push(`Not measured: ${lines.join("; ")}.`);
  }
  return `${parts.join("\n\n")}\n`;
}
