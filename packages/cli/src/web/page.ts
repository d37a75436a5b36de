/** The dashboard: rendered whole for browsers without scripts, and section by section for the script. */
import { hostname } from "node:os";
import { systemClock } from "@branchcache/runtime/node";
import type { Statistics } from "../daemon/statistics.ts";
import type { Status } from "../daemon/status.ts";
import type { Finding } from "../doctor/finding.ts";
import type { DownloadNote, Downloads } from "../telemetry/downloads.ts";
import { type History, SOURCES } from "../telemetry/history.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { PeerBook, PeerNote } from "../telemetry/peer-book.ts";
import { explanationText } from "../terminal/explanation.ts";
import { formatBytes, formatDuration, formatRate, formatShare } from "../terminal/units.ts";
import { Html, html } from "./html.ts";

/** The daemon, as far as the dashboard shows it. */
export interface ShownDaemon {
  readonly findings: readonly Finding[];
  /** Undefined while the daemon starts. */
  readonly history: Pick<History, "samples"> | undefined;
  readonly peers: Pick<PeerBook, "list">;
  readonly downloads: Pick<Downloads, "list">;
  readonly metrics: Pick<Metrics, "list" | "sum" | "registry">;
  status(): Promise<Status>;
  statistics(): Statistics;
  /** When the oldest segment was stored; undefined where that is not known. */
  oldestMs(): Promise<number | undefined>;
}

export interface DashboardState {
  /** Rendered, by the id of the element that holds it. */
  readonly sections: Readonly<Record<string, string>>;
  /** Columns for the chart: seconds, then bytes a second by source, then served. */
  readonly chart: readonly (readonly number[])[];
  readonly title: string;
}

const SECTIONS: readonly (readonly [id: string, title: string])[] = [
  ["warnings", "Needs attention"],
  ["saved", "Saved"],
  ["rates", "Rates of the last hour"],
  ["cache", "Cache"],
  ["peers", "Peers"],
  ["downloads", "Latest downloads"],
  ["hosted", "Hosted cache"],
  ["node", "This node"],
];

const SOURCE_NAMES = { local: "own cache", peer: "peers", hosted: "hosted cache", origin: "origin" } as const;

export async function gatherState(daemon: ShownDaemon): Promise<DashboardState> {
  const status = await daemon.status();
  const statistics = daemon.statistics();
  const samples = daemon.history?.samples ?? [];
  const nowMs = systemClock.wallMs();
  const sections: Readonly<Record<string, Html>> = {
    warnings: warnings(daemon.findings, status),
    saved: saved(statistics),
    rates: rates(statistics),
    cache: cache(status, await daemon.oldestMs(), nowMs),
    peers: peers(daemon.peers.list(), nowMs),
    downloads: downloads(daemon.downloads.list(), nowMs),
    hosted: hosted(status, daemon.metrics),
    node: node(status),
  };
  return {
    title: `${formatBytes(statistics.today.wan_saved_bytes)} saved today on ${hostname()}`,
    sections: Object.fromEntries(Object.entries(sections).map(([id, content]) => [id, content.text])),
    chart: [
      samples.map(({ atMs }) => Math.round(atMs / 1_000)),
      ...SOURCES.map((source) => samples.map((sample) => sample.rates[source])),
      samples.map(({ served }) => served),
    ],
  };
}

export function renderPage({ sections, title }: DashboardState): string {
  const parts = SECTIONS.map(
    ([id, heading]) => html`<section aria-labelledby="${id}-title" class="card ${id}">
<h2 id="${id}-title">${heading}</h2>
${id === "rates" ? html`<div id="chart" hidden></div>` : ""}
<div id="${id}"${id === "warnings" ? html` aria-live="polite"` : ""}>${new Html(sections[id] ?? "")}</div>
</section>
`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - BranchCache</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/uplot.css">
<link rel="stylesheet" href="/assets/dashboard.css">
<noscript><meta http-equiv="refresh" content="15"></noscript>
<script src="/assets/uplot.js" defer></script>
<script src="/assets/dashboard.js" defer></script>
</head>
<body>
<a class="skip" href="#main">To the figures</a>
<header><h1>BranchCache on ${hostname()}</h1><p id="connection" role="status"></p></header>
<main id="main" tabindex="-1">
${parts}</main>
<footer><p><a href="/metrics">Metrics</a> <a href="/state.json">These figures as JSON</a> <a href="/healthz">Health</a></p></footer>
</body>
</html>
`.text;
}

function warnings(findings: readonly Finding[], { warnings: all }: Status): Html {
  const bad = findings.filter(({ result }) => result === "bad");
  if (bad.length === 0 && all.length === 0) return html`<p class="good">Nothing found.</p>`;
  const told = new Set(bad.map(({ text, cure }) => (cure === undefined ? text : `${text}: ${cure}`)));
  return html`<ul>${bad.map(
    ({ check, text, cure }) =>
      html`<li><strong>${check}</strong> ${text}<br><span class="cure">${cure}</span></li>`,
  )}${all.filter((text) => !told.has(text)).map((text) => html`<li>${text}</li>`)}</ul>`;
}

function saved({ today, all }: Statistics): Html {
  const period = (
    name: string,
    { wan_saved_bytes: bytes, bytes: by, hosted_served_bytes: hosted }: Statistics["today"],
  ) => {
    const total = SOURCES.reduce((sum, source) => sum + by[source], hosted);
    return html`<div><dt>${name}</dt><dd><span class="figure">${formatBytes(bytes)}</span>
<span class="note">did not cross the WAN; ${formatShare(total - by.origin, total)} of ${formatBytes(total)} read</span></dd></div>`;
  };
  return html`<dl class="figures">${period("Today", today)}${period("In all", all)}</dl>${
    all.content_server_saved_bytes > 0
      ? html`<p class="note">Clients of the content server spared it ${formatBytes(today.content_server_saved_bytes)} today,
${formatBytes(all.content_server_saved_bytes)} in all.</p>`
      : ""
  }`;
}

function rates({ rates: now, today }: Statistics): Html {
  return html`<table><caption class="note">Now, and today's bytes</caption>
<thead><tr><th scope="col">from</th><th scope="col">rate</th><th scope="col">today</th></tr></thead>
<tbody>${SOURCES.map(
    (source) => html`<tr><th scope="row"><span class="key ${source}"></span>${SOURCE_NAMES[source]}</th>
<td>${formatRate(now[source] ?? 0, 1_000)}</td><td>${formatBytes(today.bytes[source])}</td></tr>`,
  )}<tr><th scope="row"><span class="key served"></span>served to others</th><td>${formatRate(now["served"] ?? 0, 1_000)}</td>
<td>${formatBytes(today.served_bytes)}</td></tr></tbody></table>`;
}

function cache({ cache: { data, hash } }: Status, oldestMs: number | undefined, nowMs: number): Html {
  const limit = data.max_bytes ?? 0;
  return html`<p><label for="fill">Filled</label> <meter id="fill" min="0" max="${limit}" value="${data.active_bytes}"></meter>
${formatBytes(data.active_bytes)} of ${formatBytes(limit)} (${formatShare(data.active_bytes, limit)})</p>
<dl class="pairs"><dt>Segments</dt><dd>${data.segments.complete} complete, ${data.segments.partial} partial</dd>
<dt>Oldest</dt><dd>${oldestMs === undefined ? "-" : formatDuration(nowMs - oldestMs)}</dd>
<dt>Hashed files</dt><dd>${hash.entries}</dd><dt>In</dt><dd>${data.path}</dd></dl>`;
}

function peers(list: readonly PeerNote[], nowMs: number): Html {
  if (list.length === 0) return html`<p class="note">No peer gave anything yet.</p>`;
  const columns = ["peer", "gave", "rate", "failures", "last", "state"] as const;
  // With explicit roles: on a narrow screen the style sheet lays cells out as lines, and the table would lose its own.
  return html`<table class="stacked" role="table">
<thead role="rowgroup"><tr role="row">${columns.map((name) => html`<th scope="col" role="columnheader">${name}</th>`)}</tr></thead>
<tbody role="rowgroup">${list.slice(0, 20).map((peer) => {
    const cells = [
      formatBytes(peer.bytes),
      formatRate(peer.bytesPerSecond, 1_000),
      peer.failures,
      agoText(peer.lastMs, nowMs),
      peer.quarantinedUntilMs === undefined
        ? "good"
        : html`<strong>left alone</strong> for ${formatDuration(peer.quarantinedUntilMs - nowMs)} (${peer.quarantineReason})`,
    ];
    return html`<tr role="row"><th scope="row" role="rowheader">${breakable(peer.address ?? peer.id)}</th>${cells.map(
      (cell, i) => html`<td role="cell" data-column="${columns[i + 1]}"><span>${cell}</span></td>`,
    )}</tr>
`;
  })}</tbody></table>`;
}

/** Lets a browser break a long address after its colons. */
function breakable(text: string): readonly Html[] {
  return text.split(/(?<=:)/).map((part) => html`${part}<wbr>`);
}

function downloads(list: readonly DownloadNote[], nowMs: number): Html {
  if (list.length === 0) return html`<p class="note">Nothing was read through this node yet.</p>`;
  return html`<ul class="downloads">${list.slice(0, 20).map((download) => {
    const { id, name, endedMs, startedMs, bytes, lengthBytes, explanation } = download;
    const done = SOURCES.reduce((sum, source) => sum + bytes[source], 0);
    const state =
      endedMs === undefined ? `running, ${formatShare(done, lengthBytes)}` : agoText(endedMs, nowMs);
    const took = formatDuration((endedMs ?? nowMs) - startedMs);
    return html`<li><span class="name">${name ?? "content without a name"}</span>
<span class="note">${formatBytes(lengthBytes)}, ${state}, ${took}: ${
      SOURCES.filter((source) => bytes[source] > 0)
        .map((source) => `${SOURCE_NAMES[source]} ${formatBytes(bytes[source])}`)
        .join(", ") || "nothing yet"
    }</span>${
      explanation
        ? html`<details data-key="download-${id}"><summary>Why${bytes.origin > 0 ? " the origin" : ""}?</summary><div class="scroll" tabindex="0" role="region" aria-label="Explanation of ${name ?? "it"}"><pre>${explanationText(explanation)}</pre></div></details>`
        : ""
    }</li>`;
  })}</ul>`;
}

/** What waits to be offered or fetched, and what became of the offers so far. */
function hosted({ client, hosted_server: server }: Status, metrics: Pick<Metrics, "list" | "sum">): Html {
  const made = metrics.list("hosted_offers_total", { direction: "made" });
  const waiting = metrics.list("hosted_offer_queue", { direction: "made" });
  const received = metrics.list("hosted_offers_total", { direction: "received" });
  const pulls = metrics.sum("hosted_offer_queue", { direction: "received" });
  const results = (list: typeof made) =>
    list
      .map(({ labels, value }) => `${value} ${OFFER_RESULTS[labels["result"] ?? ""] ?? labels["result"]}`)
      .join(", ");
  const isClient = client.mode === "hosted-client" || client.mode === "auto";
  if (!server.enabled && !isClient && made.length === 0)
    return html`<p class="note">This node uses no hosted cache, and is none.</p>`;
  const used = client.hosted_caches.map(({ answers, server: name }) =>
    answers ? name : `${name} (does not answer)`,
  );
  return html`<dl class="pairs">${
    server.enabled
      ? html`<dt>Offers that wait here</dt><dd>${pulls}</dd>
<dt>Offers received</dt><dd>${results(received) || "none yet"}</dd>`
      : ""
  }${
    isClient || made.length > 0
      ? html`<dt>Uses</dt><dd>${used.join(", ") || "none"}</dd>
<dt>Offers that wait</dt><dd>${
          waiting.length === 0
            ? 0
            : waiting.map(({ labels, value }) => `${value} for ${labels["server"]}`).join(", ")
        }</dd>
<dt>Offers made</dt><dd>${results(made) || "none yet"}</dd>`
      : ""
  }</dl>`;
}

const OFFER_RESULTS: Readonly<Record<string, string>> = {
  interested: "wanted",
  have: "held already",
  failed: "failed",
  timeout: "unanswered",
};

function node({ client, network, content_server: server, service }: Status): Html {
  const { retrieval } = network;
  return html`<dl class="pairs"><dt>Mode</dt><dd>${client.mode}</dd>
<dt>Serves blocks</dt><dd>${retrieval.serving ? `on port ${retrieval.listen_port}` : "no"}</dd>
<dt>Discovery</dt><dd>${network.discovery.enabled ? `UDP ${network.discovery.port}` : "off"}</dd>
<dt>Content server</dt><dd>${server.url ?? "off"}</dd>
<dt>Running</dt><dd>${formatDuration(service.uptime_ms)}, version ${service.version}</dd></dl>`;
}

function agoText(atMs: number, nowMs: number): string {
  return `${formatDuration(Math.max(0, Math.round((nowMs - atMs) / 1_000) * 1_000))} ago`;
}
