import type { Outcome } from "../kit/check.ts";
import { type CheckResult, conforms, countOutcomes, type Report } from "../kit/report.ts";
import { escapeMarkup } from "./markup.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
code { overflow-wrap: anywhere; }
dl { margin: .4rem 0 0; display: grid; grid-template-columns: max-content 1fr; gap: 0 .8rem; }
dd { margin: 0; }
.rules { width: 14rem; } .rules span { white-space: nowrap; }
.pass { color: light-dark(#0a6b2d, #6fdc95); } .fail { color: light-dark(#b00020, #ff8a95); }
.inconclusive { color: light-dark(#7a4b00, #f0b45c); }
`;

/** One page that loads nothing else: the sums, links to what did not pass, and every check. */
export function htmlReport(report: Report): string {
  const sums = (["MUST", "SHOULD"] as const).map((level) => {
    const { pass, fail, inconclusive, skipped } = countOutcomes(report.results, level);
    return `<tr><th scope="row">${level}</th><td>${pass}</td><td>${fail}</td><td>${inconclusive}</td><td>${skipped}</td></tr>`;
  });
  const title = escapeMarkup(`${report.title}: ${report.target}`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body>
<h1>${title}</h1>
<p>${conforms(report) ? "Conforms." : "Does not conform."} ${escapeMarkup(report.startedAt)}, kit ${escapeMarkup(report.version)}, seed ${report.seed}.</p>
<table><thead><tr><th>level</th><th>passed</th><th>failed</th><th>inconclusive</th><th>skipped</th></tr></thead><tbody>${sums.join("")}</tbody></table>
${links(report.results, "fail", "Failed")}${links(report.results, "inconclusive", "Inconclusive")}<h2>Checks</h2>
<table><thead><tr><th>outcome</th><th>check</th><th>level and rules</th></tr></thead><tbody>
${report.results.map(row).join("\n")}
</tbody></table>
</body>
</html>
`;
}

/** Nothing where no check had the outcome. */
function links(results: readonly CheckResult[], outcome: Outcome, heading: string): string {
  const found = results.filter((result) => result.outcome === outcome);
  if (found.length === 0) return "";
  const items = found.map(({ id, title }) => {
    return `<li><a href="#${escapeMarkup(id)}">${escapeMarkup(id)}</a>: ${escapeMarkup(title)}</li>`;
  });
  return `<h2>${heading}</h2>\n<ul>${items.join("\n")}</ul>\n`;
}

function row(result: CheckResult): string {
  const { id, title, level, requirements, outcome } = result;
  const rules = requirements.map((rule) => `<span>${escapeMarkup(rule)}</span>`).join(", ");
  return (
    `<tr id="${escapeMarkup(id)}"><td class="${outcome}">${outcome}</td>` +
    `<td><strong>${escapeMarkup(id)}</strong>: ${escapeMarkup(title)}${details(result)}</td>` +
    `<td class="rules">${level}<br>${rules}</td></tr>`
  );
}

function details({ outcome, sent, received, expected, quirk }: CheckResult): string {
  if (outcome === "pass") return "";
  if (outcome === "skipped") return `<br>${escapeMarkup(expected)}`;
  const parts = [
    sent && `<dt>sent</dt><dd><code>${escapeMarkup(sent)}</code></dd>`,
    received && `<dt>received</dt><dd><code>${escapeMarkup(received)}</code></dd>`,
    `<dt>expected</dt><dd>${escapeMarkup(expected)}</dd>`,
    quirk && `<dt>known of ${escapeMarkup(quirk.of)}</dt><dd>${escapeMarkup(quirk.text)}</dd>`,
  ];
  return `<dl>${parts.filter(Boolean).join("")}</dl>`;
}
