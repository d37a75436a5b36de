/** Where the daemon listens, as its settings say. */
import type { ListenAddress } from "@branchcache/peer-node";
import type { Settings } from "./schema.ts";

/** Blocks for peers. */
export function blocksListener({ peer }: Settings): ListenAddress {
  return listener(peer.listen_address, peer.listen_port, "peer.listen_port");
}

/** A hosted cache's blocks and offers. */
export function hostedListener(settings: Settings, key: "http_port" | "https_port"): ListenAddress {
  return listener(settings.peer.listen_address, settings.hosted_server[key], `hosted_server.${key}`);
}

export function contentListener({ listen }: Settings["content_server"]): ListenAddress {
  return named(listen, "content_server.listen");
}

export function metricsListener({ listen }: Settings["metrics"]): ListenAddress {
  return named(listen, "metrics.listen");
}

/** All that a daemon with these settings opens. */
export function listenersOf(settings: Settings): readonly ListenAddress[] {
  const { mode, hosted_server: hosted, content_server: content, metrics } = settings;
  return [
    ...(["distributed", "hosted-client", "auto"].includes(mode) ? [blocksListener(settings)] : []),
    ...(mode === "hosted-server" ? [hostedListener(settings, "http_port")] : []),
    ...(mode === "hosted-server" && hosted.https ? [hostedListener(settings, "https_port")] : []),
    ...(content.enabled ? [contentListener(content)] : []),
    ...(metrics.enabled ? [metricsListener(metrics)] : []),
  ];
}

function listener(host: string | undefined, port: number, key: string): ListenAddress {
  const settings = { host: "peer.listen_address", port: key };
  return { ...(host === undefined ? {} : { host }), port, settings };
}

function named(address: ListenAddress, key: string): ListenAddress {
  return { ...address, settings: { host: key, port: key } };
}
