/** The reference of events and metrics, as Markdown, made from their declarations. */
import { EVENTS } from "../telemetry/event-table.ts";
import { METRICS } from "../telemetry/metric-table.ts";

/** The page of all events and metrics, as Markdown, made from `EVENTS` and `METRICS`. */
export function observationReference(): string {
  return `# Events and metrics

<!-- Made from packages/cli/src/telemetry; test/docs-tables.test.ts writes it with WRITE_DOCS=1. -->

## Events

One line of the log each, as JSON or text: \`time\`, \`level\`, \`event\` and the fields of the event. \`branchcache events\` shows the
latest, of 1,000 that are kept, and \`branchcache events --follow\` all as they come; \`--level debug\` adds those of single segments,
\`--level trace\` with \`--follow\` those of single blocks. What repeats within a minute is told once, with the field \`repeated\` (Windows' event 21).

${table(
  ["event", "what happened", "Windows"],
  Object.entries(EVENTS).map(([name, { help, windowsIds = [] }]) => [
    `\`${name}\``,
    help,
    windowsIds.join(", "),
  ]),
)}

Of Windows' events three have no counterpart. 22, firewall rules that are wrong: nobody but the administrator writes rules here, and the
events of each port say what is kept out. 32 and 33, a cache size rounded up: limits are taken as they are given, and \`doctor\` says when
one is too small to be of use. 34 to 36, a service connection point that could not be registered, changed or deleted: nothing registers
one; \`branchcache hosted announce\` prints what to put into the directory.

## Metrics

At \`http://127.0.0.1:9798/metrics\` for Prometheus, and in \`branchcache stats --all\`; each name begins with \`branchcache_\`.
[grafana-dashboard.json](../../packaging/grafana-dashboard.json) shows them.

${table(
  ["metric", "type", "what it is", "labels"],
  Object.entries(METRICS).map(([name, { type, help, labels }]) => [
    `\`${name}\``,
    type,
    help,
    labels.map((label) => `\`${label}\``).join(", "),
  ]),
)}

\`source\` is \`local\` (the node's own cache), \`peer\`, \`hosted\` or \`origin\`; \`app\` is \`http\` (downloads), \`api\` (programs that use the Peer
Distribution API) or \`pull\` (what a hosted cache fetches of what it was offered). BITS and SMB are Windows' own clients, and count there.
The share that came from the branch is a query:
\`sum(rate(branchcache_retrieval_bytes_total{source!="origin"}[5m])) / sum(rate(branchcache_retrieval_bytes_total[5m]))\`.
`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
