/**
 * A hosted cache: blocks and version 2.0 offers on one HTTP port, version 1.0 offers on an HTTPS port, as Windows
 * has it. Several may share a store. [MS-PCHC] 3.1, [MS-PCCRR] 3.2
 */
import type { RequestListener } from "node:http";
import { createServer as createTlsServer, type ServerOptions, type Server as TlsServer } from "node:https";
import type { Server } from "node:net";
import { createSecureContext } from "node:tls";
import type { BlockStore, SecretStore } from "@branchcache/cache-store";
import type { CipherId } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import {
  createHostedCacheServer,
  type HostedCacheServer,
  type HostedCacheServerOptions,
} from "@branchcache/hosted-cache";
import { type OfferGate, offerRequestListener } from "@branchcache/hosted-cache/node";
import { createRetrievalServer, type FetchBlocksOptions, MAX_HOSTED_UPLOADS } from "@branchcache/retrieval";
import { createRetrievalHttpServer, nodeBlockCipher, nodeHttpPort } from "@branchcache/retrieval/node";
import {
  BranchCacheError,
  type Clock,
  type Endpoint,
  errorMessage,
  type Observer,
  type Random,
  silentObserver,
} from "@branchcache/runtime";
import { type AddressRanges, systemClock, systemRandom } from "@branchcache/runtime/node";
import type { BlockServer } from "../block-server.ts";
import { hostedSourceOf } from "../block-source.ts";
import { closeServer, type ListenAddress, listen } from "../http-listen.ts";
import { SegmentVault } from "../segment-vault.ts";
import { pullFaultOf } from "./addresses.ts";
import { hostedContent } from "./hosted-content.ts";
import { proxiedServer } from "./proxied-server.ts";

/** What `node:tls` takes: certificate and key, lowest version and ciphers, whose client certificates are good. */
export type HostedTls = Pick<ServerOptions, "cert" | "key" | "ca" | "minVersion" | "ciphers" | "requestCert">;

/** Which store is served, where, and to whom. [MS-PCHC] 3.1 */
export interface HostedCacheServiceOptions {
  /** What is offered goes there, and peers are served from it. */
  readonly store: { readonly blocks: BlockStore; readonly secrets: SecretStore };
  /** Blocks and offers of version 2.0. Port 0 picks a free one. */
  readonly http: ListenAddress;
  /** Offers of version 1.0; absent, only version 2.0 is served. */
  readonly https?: { readonly listen: ListenAddress; readonly tls: HostedTls };
  /** Who may offer over HTTP, and over HTTPS. Default everybody. */
  readonly httpGate?: OfferGate;
  readonly httpsGate?: OfferGate;
  /** Balancers whose PROXY header is believed. Default none. */
  readonly balancers?: AddressRanges;
  /** Pull from loopback and from this machine's own addresses too. Default false. */
  readonly allowOwnAddresses?: boolean;
  /** Requests for blocks answered at once. Default 1,024. */
  readonly maxUploads?: number;
  /** What verified blocks are kept in. Default 1, AES-128. */
  readonly cipherId?: CipherId;
  /** Bounds of pulling from clients; defaults as for `fetchBlocks`. */
  readonly retrieval?: Pick<
    FetchBlocksOptions,
    "requestTimeoutMs" | "maxTimeouts" | "window" | "blockTimeoutMs"
  >;
  /** Bounds of offers and pulls. Default `DEFAULT_BOOK_LIMITS` of hosted-cache. */
  readonly limits?: HostedCacheServerOptions["limits"];
  /** As for `createHostedCacheServer`, and so `offersAtOnce`. Default 100, 400. */
  readonly offersPerSecond?: number;
  readonly offersAtOnce?: number;
  /** Default the system's. */
  readonly clock?: Clock;
  /** Default the system's. */
  readonly random?: Random;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
}

/** A hosted cache that listens; `serving` is its HTTP port. */
export interface HostedCacheService extends BlockServer {
  /** Where version 1.0 offers go; undefined without HTTPS. */
  readonly servingTls: Endpoint | undefined;
  /** Takes the offers of both ports. */
  readonly offers: HostedCacheServer;
  /** For new connections: another certificate. Throws `BC_TLS_CERTIFICATE`, and the old one stays then. */
  useCertificate(tls: HostedTls): void;
}

/** Errors: those of `listen`, and `BC_TLS_CERTIFICATE` for a certificate that cannot be used. */
export async function startHostedCacheService(
  options: HostedCacheServiceOptions,
): Promise<HostedCacheService> {
  const { clock = systemClock, observer = silentObserver, random = systemRandom, store } = options;
  const http = nodeHttpPort();
  const vault = new SegmentVault({
    ...store,
    engine: nodeHashEngine,
    cipher: nodeBlockCipher,
    cipherId: options.cipherId ?? 1,
    random,
    observer,
  });
  const content = hostedContent({
    ...store,
    vault,
    engine: nodeHashEngine,
    cipher: nodeBlockCipher,
    http,
    clock,
    random,
    fetch: { ...options.retrieval, http, cipher: nodeBlockCipher, engine: nodeHashEngine, clock, observer },
  });
  const { limits, offersAtOnce, offersPerSecond } = options;
  const offers = createHostedCacheServer({
    content,
    engine: nodeHashEngine,
    clock,
    observer,
    ...(options.allowOwnAddresses ? {} : { pullFault: pullFaultOf(clock) }),
    ...(limits === undefined ? {} : { limits }),
    ...(offersPerSecond === undefined ? {} : { offersPerSecond }),
    ...(offersAtOnce === undefined ? {} : { offersAtOnce }),
  });
  const retrieval = createRetrievalServer({
    source: hostedSourceOf(store.blocks, clock),
    clock,
    observer,
    to: "hosted",
    maxUploads: options.maxUploads ?? MAX_HOSTED_UPLOADS,
  });

  const open: ((graceMs: number | undefined) => Promise<void>)[] = [];
  const start = async (
    makeServer: (listener: RequestListener) => Parameters<typeof closeServer>[0],
    where: ListenAddress,
    version: 1 | 2,
  ) => {
    const server = makeServer((request, response) => {
      if (!takeOffer(request, response)) response.writeHead(404, { "Content-Length": 0 }).end();
    });
    const gate = version === 1 ? options.httpsGate : options.httpGate;
    const { balancers } = options;
    const proxied = balancers && proxiedServer(server, { isBalancer: balancers, clock, observer });
    const takeOffer = offerRequestListener(offers, {
      version,
      observer,
      ...(gate ? { gate } : {}),
      ...(proxied ? { addressOf: proxied.addressOf } : {}),
    });
    const listening: Server = proxied?.front ?? server;
    const at = await listen(listening, where, observer);
    open.push(async (graceMs) => {
      const closed = closeServer(server, graceMs, proxied?.front);
      proxied?.dropWaiting();
      await closed;
    });
    return at;
  };

  const close = async (graceMs?: number): Promise<void> => {
    // First, since whoever closes may want the ports at once.
    const closed = open.splice(0).map((each) => each(graceMs));
    await offers.close();
    content.close();
    await Promise.all(closed);
  };

  const { https } = options;
  let tlsServer: TlsServer | undefined;
  try {
    const serving = await start(
      (listener) => createRetrievalHttpServer(retrieval, listener),
      options.http,
      2,
    );
    let servingTls: Endpoint | undefined;
    if (https) {
      const makeServer = (listener: RequestListener): TlsServer => {
        tlsServer = createTlsServer({ ...checkedTls(https.tls), rejectUnauthorized: false }, listener);
        return tlsServer;
      };
      servingTls = await start(makeServer, https.listen, 1);
    }
    return {
      serving,
      servingTls,
      offers,
      useCertificate: (tls) => tlsServer?.setSecureContext(checkedTls(tls)),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tells what is wrong with a certificate before a server has it. */
function checkedTls(tls: HostedTls): HostedTls {
  try {
    createSecureContext(tls);
    return tls;
  } catch (error) {
    throw new BranchCacheError(
      "BC_TLS_CERTIFICATE",
      `certificate or key cannot be used: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
}
