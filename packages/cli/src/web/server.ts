/** Metrics, health and the dashboard over HTTP: on loopback by default, and only under host names that are allowed. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { closeServer, listen } from "@branchcache/peer-node";
import { errorMessage, formatEndpoint, type Observer } from "@branchcache/runtime";
import { metricsListener } from "../config/listeners.ts";
import type { Settings } from "../config/schema.ts";
import { shownHost } from "../options/option-values.ts";
import { isAllowedHost } from "./host-check.ts";
import { gatherState, renderPage, type ShownDaemon } from "./page.ts";

export interface WebServer {
  readonly url: string;
  close(): Promise<void>;
}

interface Answer {
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly status?: number;
  /** The same as long as the daemon runs, so that browsers may keep it. */
  readonly fixed?: true;
}

const require = createRequire(import.meta.url);
/** The same from `src` and from `dist`. */
const assets = new URL("../../src/web/assets/", import.meta.url);
const ASSETS: Readonly<Record<string, { readonly file: string | URL; readonly type: string }>> = {
  "/assets/dashboard.js": { file: new URL("dashboard.js", assets), type: "text/javascript; charset=utf-8" },
  "/assets/dashboard.css": { file: new URL("dashboard.css", assets), type: "text/css; charset=utf-8" },
  "/assets/icon.svg": { file: new URL("icon.svg", assets), type: "image/svg+xml" },
  "/assets/uplot.js": {
    file: require.resolve("uplot/dist/uPlot.iife.min.js"),
    type: "text/javascript; charset=utf-8",
  },
  "/assets/uplot.css": { file: require.resolve("uplot/dist/uPlot.min.css"), type: "text/css; charset=utf-8" },
};

const SECURITY_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** Errors: those of `listen`. */
export async function serveWeb(
  daemon: ShownDaemon,
  settings: Settings["metrics"],
  observer: Observer,
): Promise<WebServer> {
  const server = createServer(
    (request, response) => void serve(daemon, settings.allowed_hosts, request, response),
  );
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.maxConnections = 128;
  const at = await listen(server, metricsListener(settings), observer);
  return {
    url: `http://${formatEndpoint({ ...at, address: shownHost(at.address) })}/`,
    close: () => closeServer(server),
  };
}

async function serve(
  daemon: ShownDaemon,
  allowedHosts: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: Answer;
  if (!isAllowedHost(request.headers.host, allowedHosts)) {
    answer = text(421, "Not served under this name: metrics.allowed_hosts lists the names that are.\n");
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    answer = text(405, "Only GET.\n");
  } else {
    const [path = "/"] = (request.url ?? "/").split("?");
    answer = await answerTo(daemon, path).catch((error) => text(503, `${errorMessage(error)}\n`));
  }
  const body = typeof answer.body === "string" ? Buffer.from(answer.body) : answer.body;
  response.writeHead(answer.status ?? 200, {
    ...SECURITY_HEADERS,
    "Content-Type": answer.type,
    "Content-Length": body.length,
    "Cache-Control": answer.fixed ? "max-age=3600" : "no-store",
    ...(answer.status === 405 ? { Allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function answerTo(daemon: ShownDaemon, path: string): Promise<Answer> {
  const asset = Object.hasOwn(ASSETS, path) ? ASSETS[path] : undefined;
  if (asset) return { type: asset.type, body: await readFile(asset.file), fixed: true };
  switch (path) {
    case "/":
      return { type: "text/html; charset=utf-8", body: renderPage(await gatherState(daemon)) };
    case "/state.json":
      return { type: "application/json", body: JSON.stringify(await gatherState(daemon)) };
    case "/metrics":
      // Refreshes the gauges that are about the store.
      await daemon.status();
      return { type: daemon.metrics.registry.contentType, body: await daemon.metrics.registry.metrics() };
    case "/healthz": {
      const { enabled } = await daemon.status();
      return { type: "application/json", body: `${JSON.stringify({ status: "ok", enabled })}\n` };
    }
    default:
      return text(404, "Not found. There are /, /metrics, /healthz and /state.json.\n");
  }
}

function text(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body };
}
