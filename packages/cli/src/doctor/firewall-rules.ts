/** What a firewall has to let in, in the words of three of them. */
import type { EventName } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";

export interface Opening {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly what: string;
  /** The setting that moves it. */
  readonly key: string;
  /** When a firewall keeps others out of it; undefined where Windows has no event for it. */
  readonly blocked?: EventName;
}

/** Ports that others reach this machine on, in its mode. */
export function openings({
  mode,
  peer,
  discovery,
  hosted_server: hosted,
  content_server: server,
}: Settings): readonly Opening[] {
  const found: Opening[] = [];
  if (mode === "distributed" || mode === "auto") {
    found.push({
      protocol: "udp",
      port: discovery.port,
      what: "discovery",
      key: "discovery.port",
      blocked: "firewall.discovery_blocked",
    });
  }
  if (mode === "distributed" || mode === "auto" || mode === "hosted-client") {
    found.push({
      protocol: "tcp",
      port: peer.listen_port,
      what: mode === "hosted-client" ? "blocks for the hosted cache" : "blocks for peers",
      key: "peer.listen_port",
      blocked: "firewall.retrieval_blocked",
    });
  }
  if (mode === "hosted-server") {
    found.push(
      {
        protocol: "tcp",
        port: hosted.http_port,
        what: "offers and blocks",
        key: "hosted_server.http_port",
        blocked: "firewall.retrieval_blocked",
      },
      {
        protocol: "tcp",
        port: hosted.https_port,
        what: "offers by HTTPS",
        key: "hosted_server.https_port",
        blocked: "firewall.offers_blocked",
      },
    );
  }
  if (server.enabled) {
    found.push({
      protocol: "tcp",
      port: server.listen.port,
      what: "content server",
      key: "content_server.listen",
    });
  }
  return found.filter(({ port }) => port !== 0);
}

export function firewallRules(
  open: readonly Opening[],
): Readonly<Record<"nftables" | "firewalld" | "ufw", readonly string[]>> {
  return {
    nftables: open.map(
      ({ protocol, port }) => `nft add rule inet filter input ${protocol} dport ${port} accept`,
    ),
    firewalld: [
      ...open.map(({ protocol, port }) => `firewall-cmd --permanent --add-port=${port}/${protocol}`),
      ...(open.length > 0 ? ["firewall-cmd --reload"] : []),
    ],
    ufw: open.map(
      ({ protocol, port, what }) => `ufw allow ${port}/${protocol} comment 'BranchCache ${what}'`,
    ),
  };
}
