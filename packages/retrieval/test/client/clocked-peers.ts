/** Peers, a finder and downloads in memory, on a clock that is driven by hand. */
import type { Segment } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { concatBytes, equalBytes } from "@branchcache/runtime";
import { type ManualClock, type MemoryHttp, manualClock, memoryHttp } from "@branchcache/runtime/testing";
import { expect } from "vitest";
import {
  createRetrievalServer,
  type FetchBlocksOptions,
  type FetchedPiece,
  type FoundPeer,
  fetchBlocks,
  type PeerSource,
  parseRequest,
  RETRIEVAL_PATH,
  type WantedBlock,
} from "../../src/index.ts";
import { nodeBlockCipher } from "../../src/node.ts";
import { corrupt, type MessageFault } from "../../src/testing.ts";
import { allBlocks, memorySource, plaintextOf, type TestSegment } from "../content.ts";

interface PeerOptions {
  readonly holds?: (segmentIndex: number, blockIndex: number) => boolean;
  /** For each request of a block, counted from 0. */
  readonly fault?: (index: number) => MessageFault | "stall" | "drop" | undefined;
  readonly delayMs?: number;
}

interface TestPeer {
  readonly source: PeerSource;
  /** Requests by kind, in order, with the time of their arrival. */
  readonly requests: { readonly kind: string; readonly index: number; readonly atMs: number }[];
  /** The most requests that were under way at once. */
  mostAtOnce: number;
}

interface TestFinder {
  readonly finder: FetchBlocksOptions["finder"];
  /** How many segments each question was about. */
  readonly questions: number[];
}

export interface Run {
  readonly pieces: FetchedPiece[];
  readonly tookMs: number;
  readonly error: unknown;
}

export interface ClockedPeers {
  readonly clock: ManualClock;
  readonly http: MemoryHttp;
  startPeer(id: string, segments: readonly TestSegment[], options?: PeerOptions): TestPeer;
  /** Finds these peers by what they hold, after 300 ms. */
  finderOf(peers?: readonly { source: PeerSource; holds: (segment: Segment) => boolean }[]): TestFinder;
  /** A whole download, however long it takes. */
  run(wanted: Iterable<WantedBlock>, options: Partial<FetchBlocksOptions>): Promise<Run>;
}

export function clockedPeers(): ClockedPeers {
  const clock = manualClock();
  const http = memoryHttp();
  let nextAddress = 1;

  function startPeer(id: string, segments: readonly TestSegment[], options: PeerOptions = {}): TestPeer {
    const { delayMs = 1, fault, holds } = options;
    const server = createRetrievalServer({ source: memorySource(segments, holds), clock });
    const address = { address: `192.0.2.${nextAddress++ % 250}`, port: 80 };
    const peer: TestPeer = {
      source: { id, addresses: [address], kind: "peer" },
      requests: [],
      mostAtOnce: 0,
    };
    let blocks = 0;
    let active = 0;
    http.listen(address, async ({ body, path }) => {
      expect(path).toBe(RETRIEVAL_PATH);
      const request = parseRequest(body);
      const index = request.kind === "getBlocks" ? (request.body.ranges[0]?.index ?? -1) : -1;
      peer.requests.push({ kind: request.kind, index, atMs: clock.monotonicMs() });
      peer.mostAtOnce = Math.max(peer.mostAtOnce, ++active);
      const wrong = request.kind === "getBlocks" ? fault?.(blocks++) : undefined;
      if (wrong === "drop") throw new Error("gone");
      if (wrong === "stall") return new Promise(() => {});
      await clock.sleep(delayMs);
      active--;
      const answer = await server.handle(body, "test");
      if (answer.kind !== "message") return { status: 400, body: new Uint8Array(0) };
      answer.done();
      const honest = concatBytes(...answer.parts);
      return { status: 200, body: wrong === undefined ? honest : corrupt(honest, wrong) };
    });
    return peer;
  }

  function finderOf(
    peers: readonly { source: PeerSource; holds: (segment: Segment) => boolean }[] = [],
  ): TestFinder {
    const questions: number[] = [];
    return {
      questions,
      finder: {
        async *find(segments, signal) {
          questions.push(segments.length);
          await clock.sleep(300, signal);
          for (const { holds, source } of peers) {
            const held = segments.filter(holds).map(({ id }) => ({ id, complete: true }));
            const found: FoundPeer = { peer: source, segments: held };
            if (held.length > 0) yield found;
          }
        },
      },
    };
  }

  async function run(wanted: Iterable<WantedBlock>, options: Partial<FetchBlocksOptions>): Promise<Run> {
    const pieces: FetchedPiece[] = [];
    let over = false;
    let error: unknown;
    const work = (async () => {
      const all = { http, cipher: nodeBlockCipher, engine, clock, finder: finderOf().finder, ...options };
      for await (const piece of fetchBlocks(wanted, all)) pieces.push(piece);
    })()
      .catch((reason: unknown) => {
        error = reason;
      })
      .finally(() => {
        over = true;
      });
    const startMs = clock.monotonicMs();
    for (let turns = 0; !over && turns < 20_000; turns++) await clock.advance(clock.nextInMs ?? 0);
    await work;
    return { pieces, tookMs: clock.monotonicMs() - startMs, error };
  }

  return { clock, http, startPeer, finderOf, run };
}

export function expectAll(segments: readonly TestSegment[], { error, pieces }: Run): void {
  expect(error).toBeUndefined();
  expect(pieces.map(({ kind }) => kind).filter((kind) => kind === "missing")).toEqual([]);
  const wanted = allBlocks(segments);
  expect(pieces).toHaveLength(wanted.length);
  for (const [i, piece] of pieces.entries()) {
    if (piece.kind !== "block") continue;
    expect(piece.segment).toBe(wanted[i]?.segment);
    expect(piece.blockIndex).toBe(wanted[i]?.blockIndex);
    expect(equalBytes(piece.bytes, plaintextOf(segments, piece))).toBe(true);
  }
}
