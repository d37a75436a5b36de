/** Hosted cache, server and client, as the settings want them. */
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import type { HostedCacheAddress, PeerNodeOptions } from "@branchcache/peer-node";
import { BranchCacheError, errorMessage, type Observer } from "@branchcache/runtime";
import type { Settings } from "../config/schema.ts";
import type { DaemonStore } from "../daemon/daemon-store.ts";
import { certificateFilesOf } from "../work/hosted.ts";
import { certificateFilesBeside } from "./certificate.ts";
import type { HostedDaemonOptions } from "./hosted-service.ts";

export function hostedDaemonOptions(
  settings: Settings,
  store: DaemonStore,
  observer: Observer,
): HostedDaemonOptions {
  const { content_server: content, hosted_server: hosted, peer } = settings;
  const host = peer.listen_address === undefined ? {} : { host: peer.listen_address };
  const files = certificateFilesOf(settings);
  return {
    store,
    observer,
    http: { ...host, port: hosted.http_port },
    https: hosted.https ? { ...host, port: hosted.https_port } : undefined,
    certificate: files.given ? files : undefined,
    ownCertificate: certificateFilesBeside(content.secret_file),
    minTls: hosted.min_tls,
    ciphers: hosted.ciphers,
    clientAuth: hosted.client_auth,
    clientCa: hosted.client_ca,
    offerFrom: hosted.offer_from,
    openHttp: hosted.open_http,
    balancers: hosted.balancers,
    allowOwnAddresses: hosted.allow_own_addresses,
    maxUploads: hosted.max_uploads,
  };
}

/** `cache.example`, `cache.example:8080` or `[2001:db8::1]:8080`; the port is that of HTTP. */
export function hostedServerAddress(text: string, httpPort: number): HostedCacheAddress {
  if (isIPv6(text)) return { host: text, port: httpPort, priority: 0 };
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? httpPort);
  if (!match || port < 1 || port > 65_535) {
    throw new BranchCacheError("BC_CONFIG", `hosted_client.servers: ${JSON.stringify(text)} is no server`);
  }
  return { host: match[1] ?? match[2] ?? "", port, priority: 0 };
}

export async function hostedClientOptions({
  hosted_client: hosted,
}: Settings): Promise<NonNullable<PeerNodeOptions["hostedClient"]>> {
  const pem = async (key: "ca" | "cert" | "key") => {
    const path = hosted[key];
    if (path === undefined) return {};
    try {
      return { [key]: await readFile(path, "utf8") };
    } catch (error) {
      throw new BranchCacheError(
        "BC_CONFIG",
        `hosted_client.${key}: cannot read ${path}: ${errorMessage(error)}`,
        {
          cause: error,
        },
      );
    }
  };
  return {
    servers: hosted.servers.map((text) => hostedServerAddress(text, hosted.http_port)),
    discover: hosted.discover,
    alsoPeers: hosted.also_peers,
    offerVersion: hosted.offer_version,
    httpsPort: hosted.https_port,
    offerSteps: hosted.offer_steps,
    tls: { ...(await pem("ca")), ...(await pem("cert")), ...(await pem("key")) },
  };
}
