/** What a firewall has to let in, in the words of three of them. */
import type { Settings } from "../config/schema.ts";

export interface Opening {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly what: string;
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
    found.push({ protocol: "udp", port: discovery.port, what: "discovery" });
    found.push({ protocol: "tcp", port: peer.listen_port, what: "blocks for peers" });
  }
  if (mode === "hosted-client")
    found.push({ protocol: "tcp", port: peer.listen_port, what: "blocks for the hosted cache" });
  if (mode === "hosted-server") {
    found.push({ protocol: "tcp", port: hosted.http_port, what: "offers and blocks" });
    found.push({ protocol: "tcp", port: hosted.https_port, what: "offers by HTTPS" });
  }
  if (server.enabled) found.push({ protocol: "tcp", port: server.listen.port, what: "content server" });
  return found.filter(({ port }) => port !== 0);
}

export function firewallRules(
  settings: Settings,
): Readonly<Record<"nftables" | "firewalld" | "ufw", readonly string[]>> {
  const open = openings(settings);
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
