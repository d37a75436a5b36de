import { ControlClient } from "../../control/client.ts";
import type { Statistics } from "../../daemon/statistics.ts";
import type { Status } from "../../daemon/status.ts";
import { windowsNames } from "../../daemon/windows-names.ts";
import type { ControlOptions } from "../../options/control-options.ts";
import { exitCode } from "../../terminal/exit-code.ts";
import { pairs, print } from "../../terminal/output.ts";
import { formatBytes, formatDuration, formatShare } from "../../terminal/units.ts";

export interface StatusOptions extends ControlOptions {
  readonly verbose?: true;
  readonly windowsNames?: true;
}

/** Exit code 4 where something needs attention and the whole was asked for. */
export async function runStatus(part: string | undefined, options: StatusOptions): Promise<void> {
  await using daemon = await ControlClient.connect(options.controlSocket);
  const status = await daemon.request<Status>("status");
  const statistics = await daemon.request<Statistics>("stats");
  if (options.windowsNames) print({ json: true }, windowsPart(part, status), []);
  else print(options, jsonPart(part, status), lines(part, status, statistics, options.verbose === true));
  if (part === undefined && status.warnings.length > 0) process.exitCode = exitCode.degraded;
}

const PARTS: Readonly<Record<string, { readonly ours: keyof Status; readonly windows: string }>> = {
  client: { ours: "client", windows: "ClientConfiguration" },
  "content-server": { ours: "content_server", windows: "ContentServerConfiguration" },
  "hosted-server": { ours: "hosted_server", windows: "HostedCacheServerConfiguration" },
  network: { ours: "network", windows: "NetworkConfiguration" },
  cache: { ours: "cache", windows: "DataCache" },
};

function jsonPart(part: string | undefined, status: Status): unknown {
  const found = part === undefined ? undefined : PARTS[part];
  return found ? status[found.ours] : status;
}

function windowsPart(part: string | undefined, status: Status): unknown {
  const found = part === undefined ? undefined : PARTS[part];
  const all = windowsNames(status);
  return found ? all[found.windows] : all;
}

function lines(
  part: string | undefined,
  status: Status,
  { today, all }: Statistics,
  verbose: boolean,
): readonly string[] {
  const { client, network, cache, service, hosted_server: hosted } = status;
  const { data, hash } = cache;
  const { retrieval, discovery } = network;
  const findsText = discovery.enabled
    ? `UDP ${discovery.port} on ${discovery.interfaces.join(", ") || "all interfaces"}`
    : client.mode === "auto"
      ? "not while there is a hosted cache"
      : `not in mode ${client.mode}`;
  const servingText = retrieval.serving
    ? `port ${retrieval.listen_port}${isAnyAddress(retrieval.listen_address) ? "" : ` of ${retrieval.listen_address}`}`
    : "no";
  const rows: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
    client: [
      ["Mode", client.mode],
      ["Content Information", `version ${client.preferred_content_information_version} preferred`],
      ["On battery", client.serve_on_battery ? "serves" : "does not serve"],
      ...hostedCacheRows(client),
    ],
    "content-server": contentServerRows(status.content_server),
    "hosted-server": hostedServerRows(hosted),
    network: [
      ["Serves blocks", servingText],
      ["Finds peers", findsText],
      ["Dashboard", network.metrics.url ?? "off"],
    ],
    cache: [
      [
        "Cache",
        (data.max_bytes === null
          ? `${formatBytes(data.active_bytes)}, `
          : `${formatBytes(data.active_bytes)} of ${formatBytes(data.max_bytes)} ` +
            `(${formatShare(data.active_bytes, data.max_bytes)}), `) +
          segmentsText(data.segments, hosted.enabled),
      ],
      ["", `${[data.path, ...data.extensions].join(", ")}; ${formatBytes(data.disk_bytes)} on the disk`],
      ["Hashes", `${hash.entries} files, ${formatBytes(hash.active_bytes)}`],
    ],
  };
  if (part !== undefined) return pairs(rows[part] ?? []);
  return [
    ...pairs([
      [
        "BranchCache",
        `${stateText(status)}; ` +
          `version ${service.version}, running for ${formatDuration(service.uptime_ms)}`,
      ],
      ["Saved", `${formatBytes(today.wan_saved_bytes)} today, ${formatBytes(all.wan_saved_bytes)} in all`],
      ...givenRows(today, all),
      ...(hosted.enabled && !verbose
        ? hostedServerRows(hosted).slice(1)
        : // The last part of the long form has it too.
          verbose
          ? []
          : ([["Serves blocks", servingText]] as const)),
      ...(client.hosted_caches.length > 0 && !verbose ? hostedCacheRows(client) : []),
      ...(status.content_server.url === null ? [] : contentServerRows(status.content_server)),
      ...(rows["cache"] ?? []),
      ...(verbose ? [...(rows["client"] ?? []), ...(rows["hosted-server"] ?? [])] : []),
      ...(verbose ? (rows["network"] ?? []) : ([["Dashboard", network.metrics.url ?? "off"]] as const)),
    ]),
    ...(status.warnings.length > 0 ? ["", ...status.warnings.map((warning) => `! ${warning}`)] : []),
  ];
}

function stateText({ client, content_server: contentServer, enabled }: Status): string {
  if (enabled) return `on, ${client.mode}`;
  return contentServer.url === null ? `OFF, ${client.mode}` : `content server alone, mode ${client.mode}`;
}

/** What others were spared by this machine, where there is any. */
function givenRows(
  today: Statistics["today"],
  all: Statistics["all"],
): readonly (readonly [string, string])[] {
  const row = (name: string, now: number, total: number): readonly (readonly [string, string])[] =>
    total > 0 ? [[name, `${formatBytes(now)} today, ${formatBytes(total)} in all`]] : [];
  return [
    ...row("Gave to others", today.served_bytes, all.served_bytes),
    ...row("Server spared", today.content_server_saved_bytes, all.content_server_saved_bytes),
  ];
}

function contentServerRows(server: Status["content_server"]): readonly (readonly [string, string])[] {
  const { min_size: minSize, origin, root, url } = server;
  if (url === null) return [["Content server", "off"]];
  const port = new URL(url).port || "80";
  const shown = new URL(url).hostname === "localhost" ? `${url} and port ${port} of every address` : url;
  const source = root === null ? `passes on what ${origin} serves` : `serves ${root}`;
  return [
    ["Content server", shown],
    ["", `${source}; files under ${formatBytes(minSize)} go plain`],
  ];
}

function hostedCacheRows(client: Status["client"]): readonly (readonly [string, string])[] {
  const { hosted_caches: used, mode } = client;
  const asks = mode === "hosted-client" || mode === "auto";
  if (!asks) return [["Hosted caches", "none"]];
  if (used.length === 0) return [["Hosted caches", "none found by DNS, looked for again every minute"]];
  return used.map(({ answers, offers_waiting: waiting, server }, i) => [
    i === 0 ? "Hosted caches" : "",
    `${server}${answers ? "" : ", left alone since it did not answer"}` +
      `${waiting > 0 ? `; ${waiting} segments wait to be offered` : ""}`,
  ]);
}

function hostedServerRows(hosted: Status["hosted_server"]): readonly (readonly [string, string])[] {
  const { certificate, client_auth: auth, http_offers: byHttp } = hosted;
  if (!hosted.enabled) return [["Hosted cache server", "off"]];
  const ranges = hosted.offer_from.length > 0 ? hosted.offer_from.join(", ") : "everybody";
  return [
    ["Hosted cache server", "on"],
    ["HTTP", `port ${hosted.http_port}: blocks${byHttp ? ", and offers of Windows 8 and later" : " alone"}`],
    [
      "HTTPS",
      hosted.https_port === null
        ? "off"
        : `port ${hosted.https_port}: offers of Windows 7, with the certificate ${certificate}`,
    ],
    ["Takes offers from", auth === "tls" ? `${ranges}, with a client certificate` : ranges],
  ];
}

/** What came by offers 2.0 is kept unread, so that a hosted cache has most of its segments unverified. */
function segmentsText({ complete, partial }: Status["cache"]["data"]["segments"], isHosted: boolean): string {
  return isHosted
    ? `${complete + partial} segments, ${complete} of them verified here`
    : `${complete} segments and ${partial} in part`;
}

function isAnyAddress(address: string | null): boolean {
  return address === null || address === "::" || address === "0.0.0.0";
}
