/** What settings ask of each other. */
import { resolve } from "node:path";
import { accessFault } from "../hosted/access.ts";
import type { Settings } from "./schema.ts";

export const settingRules = {
  errors(settings: Settings): readonly string[] {
    const { content_server: server, hosted_server: hosted, cache } = settings;
    const found: string[] = [];
    if ((hosted.cert === undefined) !== (hosted.key === undefined)) {
      found.push(
        "hosted_server.cert: a certificate needs its key and the other way round; set hosted_server.key too",
      );
    }
    const { hosted_client: client } = settings;
    if ((client.cert === undefined) !== (client.key === undefined)) {
      found.push(
        "hosted_client.cert: a certificate needs its key and the other way round; set hosted_client.key too",
      );
    }
    const access = accessFault({
      clientAuth: hosted.client_auth,
      clientCa: hosted.client_ca,
      offerFrom: hosted.offer_from,
    });
    // Outside the hosted cache's mode the settings may be given one after another; `negotiate` can never work.
    if (access !== undefined && (settings.mode === "hosted-server" || hosted.client_auth === "negotiate")) {
      found.push(access);
    }
    if (server.enabled && (server.root === undefined) === (server.origin === undefined)) {
      found.push(
        "content_server.enabled: needs either content_server.root, a directory, or content_server.origin, a URL",
      );
    }
    if (
      cache.data.secrets_path !== undefined &&
      resolve(cache.data.secrets_path) === resolve(cache.data.path)
    ) {
      found.push("cache.data.secrets_path: name another directory than cache.data.path");
    }
    if (cache.store === "redis" && cache.redis.nodes.length === 0) {
      found.push("cache.redis.nodes: name a node of the cluster, or set cache.store to lmdb");
    }
    if (cache.store === "redis" && cache.extensions.length > 0) {
      found.push("cache.extensions: add room on a disk; with cache.store redis the cluster has all blocks");
    }
    if (cache.extensions.some(({ path }) => resolve(path) === resolve(cache.data.path))) {
      found.push("cache.extensions: cache.data.path itself is no further directory");
    }
    if (cache.store === "redis" && settings.peer.workers > 1) {
      found.push(
        "peer.workers: several processes serve from the disk alone; with cache.store redis set it to 1",
      );
    }
    if (
      settings.mode === "hosted-client" &&
      settings.hosted_client.servers.length === 0 &&
      !settings.hosted_client.discover
    ) {
      found.push("hosted_client.servers: name a hosted cache, or set hosted_client.discover to true");
    }
    return found;
  },

  warnings(settings: Settings): readonly string[] {
    const found: string[] = [];
    if (settings.mode === "hosted-server" && settings.hosted_client.servers.length > 0) {
      found.push("hosted_client.servers: is not used by a hosted cache server");
    }
    return found;
  },
};
