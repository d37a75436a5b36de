import { type CheckResult, conforms, countOutcomes, type Report } from "../kit/report.ts";
import { escapeMarkup } from "./markup.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
code { overflow-wrap: anywhere; }
.pass { color: light-dark(#0a6b2d, #6fdc95); } .fail { color: light-dark(#b00020, #ff8a95); }
.inconclusive { color: light-dark(#7a4b00, #f0b45c); }
`;

/** One page, without anything from elsewhere. */
export function htmlReport(report: Report): string {
  const rows = report.results.map(row).join("\n");
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
<h2>Checks</h2>
<table><thead><tr><th>outcome</th><th>check</th><th>rules</th><th>what was seen</th></tr></thead><tbody>
${rows}
</tbody></table>
</body>
</html>
`;
}

function row(result: CheckResult): string {
  const { id, title, level, requirements, outcome, sent, received, expected, quirk } = result;
  const seen =
    outcome === "pass"
      ? ""
      : [
          sent && `sent <code>${escapeMarkup(sent)}</code>`,
          received && `received <code>${escapeMarkup(received)}</code>`,
          `expected ${escapeMarkup(expected)}`,
          quirk && `known of ${escapeMarkup(quirk.of)}: ${escapeMarkup(quirk.text)}`,
        ]
          .filter(Boolean)
          .join("<br>");
  return `<tr><td class="${outcome}">${outcome}</td><td><strong>${escapeMarkup(id)}</strong><br>${escapeMarkup(title)}</td><td>${level}<br>${requirements.join("<br>")}</td><td>${seen}</td></tr>`;
}
