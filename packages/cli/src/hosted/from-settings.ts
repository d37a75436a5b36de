/** Hosted cache, server and client, as the settings want them. */
import { isIPv6 } from "node:net";
import type { HostedCacheAddress, PeerNodeOptions } from "@branchcache/peer-node";
import { BranchCacheError, type Observer } from "@branchcache/runtime";
import { hostedListener } from "../config/listeners.ts";
import type { Settings } from "../config/schema.ts";
import type { DaemonStore } from "../daemon/daemon-store.ts";
import { readCertificatePair, readCertificates } from "../files/pem-files.ts";
import { certificateFilesBeside, certificateFilesOf } from "./certificate.ts";
import type { HostedDaemonOptions } from "./hosted-service.ts";

export function hostedDaemonOptions(
  settings: Settings,
  store: DaemonStore,
  observer: Observer,
): HostedDaemonOptions {
  const { content_server: content, hosted_server: hosted } = settings;
  const files = certificateFilesOf(settings);
  return {
    store,
    observer,
    http: hostedListener(settings, "http_port"),
    https: hosted.https ? hostedListener(settings, "https_port") : undefined,
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

/** Errors: `BC_CONFIG`, and `BC_TLS_CERTIFICATE` for files that cannot be used. */
export async function hostedClientOptions({
  hosted_client: hosted,
}: Settings): Promise<NonNullable<PeerNodeOptions["hostedClient"]>> {
  return {
    servers: hosted.servers.map((text) => hostedServerAddress(text, hosted.http_port)),
    discover: hosted.discover,
    alsoPeers: hosted.also_peers,
    offerVersion: hosted.offer_version,
    httpsPort: hosted.https_port,
    offerSteps: hosted.offer_steps,
    tls: await hostedClientTls(hosted),
  };
}

async function hostedClientTls({ ca, cert, key }: Settings["hosted_client"]) {
  return {
    ...(ca === undefined ? {} : { ca: await readCertificates({ setting: "hosted_client.ca", path: ca }) }),
    ...(cert === undefined || key === undefined
      ? {}
      : await readCertificatePair(
          { setting: "hosted_client.cert", path: cert },
          { setting: "hosted_client.key", path: key },
        )),
  };
}
