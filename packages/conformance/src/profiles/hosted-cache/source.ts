/** A client that offers: it makes up content, and serves it to the hosted cache that pulls it. [MS-PCHC] 3.2 */
import type { AddressInfo } from "node:net";
import {
  publishBytes,
  type Segment,
  ServerSecret,
  segmentsOf,
  writeContentInformation,
} from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { createRetrievalServer } from "@branchcache/retrieval";
import { createRetrievalHttpServer, nodeBlockCipher } from "@branchcache/retrieval/node";
import { BranchCacheError, type Clock, type Random, toHex } from "@branchcache/runtime";

/** One segment made up for an offer. */
export interface OfferedContent {
  /** All of the content is this one segment. */
  readonly segment: Segment;
  readonly bytes: Uint8Array;
  /** Its Content Information, with dwReadBytesInLastSegment as [MS-PCHC] 2.2.1.4 wants it. */
  readonly information: Uint8Array;
}

/** Content to offer, and what the hosted cache asked for of it. */
export interface OfferSource extends AsyncDisposable {
  /** TCP port where blocks are served. */
  readonly port: number;
  /** One segment of new random bytes. The source serves it, unless `held` is false. Default 1,001 bytes, or two blocks in version 1. */
  make(version: 1 | 2, options?: { readonly held?: boolean; readonly lengthBytes?: number }): OfferedContent;
  /** From now on blocks of this segment decrypt to zeros. */
  spoil(content: OfferedContent): void;
  /** Resolves with true once that block was asked for, with false after `patienceMs`. Default block 0. */
  pulled(content: OfferedContent, blockIndex?: number): Promise<boolean>;
  /** Whether anything at all was asked about the segment. */
  wasAsked(content: OfferedContent): boolean;
  /** From now on no request is answered, until `release` is called. */
  hold(): HeldRequests;
}

/** The requests that came since `hold`. */
export interface HeldRequests {
  /** Whether the cache ended a connection meanwhile: it waits for an answer no more, or the connection was idle. */
  readonly connectionEnded: boolean;
  /** Answers them, and those that come from now on. */
  release(): void;
}

/** Where the source listens, and how long it waits for a pull. */
export interface OfferSourceOptions {
  /** Makes content and keys. */
  readonly random: Random;
  /** Measures `patienceMs`. */
  readonly clock: Clock;
  /** Default all addresses and a free port. */
  readonly listen?: { readonly host?: string; readonly port: number };
  /** How long a pull may take to come, in milliseconds. Default 5,000. */
  readonly patienceMs?: number;
}

/** Errors: `BC_CONFORMANCE_INPUT` when the port cannot be had. */
export async function openSource(options: OfferSourceOptions): Promise<OfferSource> {
  const { clock, listen = { port: 0 }, patienceMs = 5_000, random } = options;
  const held = new Map<string, OfferedContent>();
  const spoiled = new Set<string>();
  const asked = new Set<string>();
  const waiting = new Map<string, () => void>();
  let gate: Promise<void> | undefined;
  let onConnectionEnd = (): void => {};

  const note = (what: string): void => {
    asked.add(what);
    waiting.get(what)?.();
  };
  const server = createRetrievalServer({
    clock,
    source: {
      async heldBlocks(id) {
        note(toHex(id));
        await gate;
        return held.get(toHex(id))?.segment.blockHashes.map((_, index) => index);
      },
      async block(id, index) {
        const name = toHex(id);
        note(name);
        note(`${name} ${index}`);
        await gate;
        const content = held.get(name);
        if (!content || index >= content.segment.blockHashes.length) return undefined;
        const { blockSizeBytes, blockHashes, secret } = content.segment;
        const plain = content.bytes.slice(index * blockSizeBytes, (index + 1) * blockSizeBytes);
        if (spoiled.has(name)) plain.fill(0);
        const sealed = nodeBlockCipher.seal(plain, secret, 1, random);
        return { sealed, nextBlockIndex: index + 1 < blockHashes.length ? index + 1 : 0 };
      },
    },
  });
  const http = createRetrievalHttpServer(server);
  http.on("connection", (socket) => {
    const ended = (): void => onConnectionEnd();
    socket.once("end", ended).once("close", ended);
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", (error) => {
      reject(
        new BranchCacheError("BC_CONFORMANCE_INPUT", `cannot listen: ${error.message}`, { cause: error }),
      );
    });
    http.listen({ ...listen }, resolve);
  });

  return {
    port: (http.address() as AddressInfo).port,
    make(version, { held: isHeld = true, lengthBytes = version === 1 ? 65_536 + 1_001 : 1_001 } = {}) {
      const bytes = random.bytes(lengthBytes);
      const { v1, v2 } = publishBytes(bytes, { engine: nodeHashEngine, versions: [version] });
      const publication = version === 1 ? v1 : v2;
      const secret = ServerSecret.fromBytes(random.bytes(32));
      const segment = publication && segmentsOf(publication, secret, nodeHashEngine)[0];
      if (!publication || !segment) throw new Error("nothing was published");
      const information = writeContentInformation(publication, secret, nodeHashEngine);
      if (version === 1) new DataView(information.buffer).setUint32(10, lengthBytes, true);
      const content = { segment, bytes, information };
      if (isHeld) held.set(toHex(segment.id), content);
      return content;
    },
    spoil: ({ segment }) => spoiled.add(toHex(segment.id)),
    async pulled({ segment }, blockIndex = 0) {
      const what = `${toHex(segment.id)} ${blockIndex}`;
      if (asked.has(what)) return true;
      const cancelled = new AbortController();
      const seen = new Promise<true>((resolve) => waiting.set(what, () => resolve(true)));
      const late = clock.sleep(patienceMs, cancelled.signal).then(
        () => false as const,
        () => false as const,
      );
      const came = await Promise.race([seen, late]);
      cancelled.abort();
      waiting.delete(what);
      return came;
    },
    wasAsked: ({ segment }) => asked.has(toHex(segment.id)),
    hold() {
      let open = (): void => {};
      let connectionEnded = false;
      gate = new Promise((resolve) => {
        open = resolve;
      });
      onConnectionEnd = () => {
        connectionEnded = true;
      };
      return {
        get connectionEnded() {
          return connectionEnded;
        },
        release() {
          gate = undefined;
          onConnectionEnd = () => {};
          open();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}
