/** What a daemon can tell about itself and its neighbours. */
import type { PeerNode } from "@branchcache/peer-node";
import { formatEndpoint } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";
import type { Status } from "../daemon/status.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { PeerBook } from "../telemetry/peer-book.ts";
import { checkCertificate } from "./certificate.ts";
import { type CacheUse, checkCacheDisk } from "./disk.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";
import { checkFirewall } from "./firewall.ts";

/** The daemon, as far as it is looked at. */
export interface CheckedDaemon {
  readonly settings: Settings;
  /** Why the settings that were read last are not followed; undefined where they are. */
  readonly refused: string | undefined;
  readonly node: Pick<PeerNode, "serving" | "hostedCaches"> | undefined;
  readonly metrics: Pick<Metrics, "sum" | "by">;
  readonly peers: Pick<PeerBook, "list">;
  status(): Promise<Pick<Status, "cache">>;
  /** Probes of others, by the version that they asked for. */
  neighbourVersions(): { readonly v1: number; readonly v2: number };
}

export async function daemonChecks(daemon: CheckedDaemon): Promise<readonly Finding[]> {
  const { settings } = daemon;
  const isOff = settings.mode === "disabled";
  if (isOff && !settings.content_server.enabled) {
    return [
      ...refused(daemon),
      bad(
        "mode",
        "BranchCache is switched off on this machine",
        "branchcache enable distributed (or local, hosted-client, hosted-server)",
      ),
    ];
  }
  return [
    ...refused(daemon),
    good("mode", isOff ? "content server alone: mode is disabled" : `mode is ${settings.mode}`),
    ...serving(daemon),
    ...hostedCaches(daemon),
    ...offers(daemon),
    // The room of a cluster is no matter of this machine's disk.
    ...(settings.cache.store === "lmdb"
      ? await checkCacheDisk(settings.cache.data.path, await cacheUse(daemon))
      : []),
    ...(await checkCertificate(settings)),
    ...(await checkFirewall(settings)),
    ...(isOff ? [] : [...quorum(daemon), ...versions(daemon)]),
    ...battery(daemon),
    ...liars(daemon),
    ...hashing(daemon),
    ...codingEaten(daemon),
  ];
}

/** Settings that are not followed would keep the daemon from starting the next time. */
function refused(daemon: CheckedDaemon): readonly Finding[] {
  if (daemon.refused === undefined) return [];
  const reason = daemon.refused.replaceAll("\n", "; ");
  return [
    bad(
      "settings",
      `the settings are not followed, and those before hold until the daemon ends: ${reason}`,
      "mend them; branchcache config check says whether they will do, systemctl reload branchcached has them read again",
    ),
  ];
}

async function cacheUse(daemon: CheckedDaemon): Promise<CacheUse> {
  const {
    active_bytes: bytes,
    max_bytes: limitBytes,
    disk_bytes: diskBytes,
  } = (await daemon.status()).cache.data;
  return { bytes, limitBytes: limitBytes ?? 0, diskBytes };
}

function serving(daemon: CheckedDaemon): readonly Finding[] {
  if (daemon.settings.mode !== "distributed") return [];
  const { serving: at } = daemon.node ?? {};
  if (!at)
    return [bad("port", "blocks are not served", "see `branchcache events` for why; set peer.listen_port")];
  const refused = daemon.metrics.sum("uploads_rejected_total");
  return [
    good("port", `blocks are served on port ${at.port}`),
    ...(refused > 0
      ? [
          bad(
            "uploads",
            `${refused} requests of peers were refused because too many came at once`,
            "branchcache config set peer.max_uploads 256",
          ),
        ]
      : []),
  ];
}

/** Those that clients of this mode depend on. */
function hostedCaches({ node, settings }: CheckedDaemon): readonly Finding[] {
  if (settings.mode !== "hosted-client" || !node) return [];
  const used = node.hostedCaches;
  if (used.length === 0) {
    return [
      bad(
        "hosted cache",
        "DNS names no hosted cache",
        "`branchcache hosted announce` on the hosted cache prints the record; or branchcache config set hosted_client.servers NAME",
      ),
    ];
  }
  return used.map(({ address: { host, port }, answers }) => {
    const name = formatEndpoint({ address: host, port });
    return answers
      ? good("hosted cache", `${name} is used`)
      : bad(
          "hosted cache",
          `${name} did not answer lately, and is left alone for a while`,
          "see that it runs, that the name is right, and that its firewall lets the port in: `branchcache doctor` there",
        );
  });
}

/** Offers of version 1 have no room for Content Information 2.0. */
function offers({ settings }: CheckedDaemon): readonly Finding[] {
  const { content_info: information, hosted_client: client, mode } = settings;
  const mayOffer = mode === "hosted-client" || mode === "auto";
  if (!mayOffer || client.offer_version !== 1 || information.preferred === 1) return [];
  return [
    bad(
      "offers",
      "offers of version 1 are about Content Information 1.0 alone, and this node asks for 2.0: what it downloads is not offered",
      "branchcache config set content_info.preferred 1, or branchcache config unset hosted_client.offer_version",
    ),
  ];
}

/** "Not peerable": silence that nobody sees. */
function quorum(daemon: CheckedDaemon): readonly Finding[] {
  const decisions = daemon.metrics.by("probe_answers_total", "decision");
  const silent = decisions["quorum"] ?? 0;
  if (silent === 0) return [good("quorum", "no probe went unanswered because others answer already")];
  return [
    bad(
      "quorum",
      `${silent} probes were not answered because ${daemon.settings.discovery.republish_quorum} others had the segment`,
      "if those others are gone: branchcache config set discovery.republish_quorum 100 (0 for never silent)",
    ),
  ];
}

/** Version 1 and 2 nodes do not share; the probes that come tell what the neighbours speak. */
function versions(daemon: CheckedDaemon): readonly Finding[] {
  const asked = daemon.neighbourVersions();
  if (asked.v1 === 0 && asked.v2 === 0)
    return [unknown("versions", "no neighbour has asked for anything yet")];
  if (asked.v1 > 0 && asked.v2 > 0) {
    return [
      bad(
        "versions",
        `neighbours ask for both versions of Content Information (${asked.v1} probes for 1, ${asked.v2} for 2): they do not share with each other`,
        "let all ask for the older: branchcache config set content_info.preferred 1 here, Enable-BCDowngrading on Windows",
      ),
    ];
  }
  return [good("versions", `all neighbours ask for version ${asked.v1 > 0 ? 1 : 2}`)];
}

function battery(daemon: CheckedDaemon): readonly Finding[] {
  const silent = daemon.metrics.by("probe_answers_total", "decision")["battery"] ?? 0;
  if (silent === 0) return [];
  return [
    bad(
      "battery",
      `${silent} probes were not answered because this machine ran on its battery`,
      "branchcache config set peer.serve_on_battery true",
    ),
  ];
}

function liars(daemon: CheckedDaemon): readonly Finding[] {
  return daemon.peers
    .list()
    .filter(({ quarantinedUntilMs }) => quarantinedUntilMs !== undefined)
    .map(({ id, address }) =>
      bad(
        "peers",
        `${address ?? id} sent bytes that are not what they should be, and is left alone`,
        "clear the cache of that machine, and check its memory and disk",
      ),
    );
}

function hashing(daemon: CheckedDaemon): readonly Finding[] {
  const results = daemon.metrics.by("hash_generations_total", "result");
  const failed = Object.entries(results).reduce(
    (sum, [result, times]) => (result === "ok" ? sum : sum + times),
    0,
  );
  if (failed === 0) return [];
  return [
    bad(
      "hashing",
      `${failed} contents could not be hashed, and are sent plain to everybody`,
      "branchcache events shows which and why (publish.failed): locked or changing files, no room, no right",
    ),
  ];
}

/** Proxies that do not know the coding turn Content Information into content, or cut the request header off. */
function codingEaten(daemon: CheckedDaemon): readonly Finding[] {
  if (!daemon.settings.content_server.enabled) return [];
  const aware = daemon.metrics.by("http_requests_total", "peerdist");
  const total = (aware["true"] ?? 0) + (aware["false"] ?? 0);
  if (total < 20 || (aware["true"] ?? 0) > 0) return [];
  return [
    bad(
      "proxy",
      `none of ${total} requests asked for BranchCache: clients do not have it on, or a proxy takes Accept-Encoding out`,
      "serve by HTTPS, or have the proxy pass Accept-Encoding and X-P2P-PeerDist through; check a client with `branchcache doctor URL`",
    ),
  ];
}
