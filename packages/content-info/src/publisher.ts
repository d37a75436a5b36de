/** Cuts and hashes content as it passes by. One pass yields both versions. [MS-PCCRC] 2.1, 2.2 */

import { hashLengthBytes, requireAlgorithmOf } from "./algorithms.ts";
import { V1_BLOCK_BYTES, V1_SEGMENT_BYTES } from "./constants.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import type { HashEngine, RunningHash } from "./hash-engine.ts";
import { type Publication, publicationFromColumns } from "./publication.ts";
import type { ContentInformationVersion, HashAlgorithm } from "./types.ts";
import { SegmentCutter } from "./v2-cutter.ts";

/** Versions that are asked for. */
export type AnyVersions = readonly ContentInformationVersion[];

/** How content is cut and hashed. */
export interface PublisherOptions<Versions extends AnyVersions = AnyVersions> {
  /** Computes all hashes, on the caller's thread. */
  readonly engine: HashEngine;
  /** Default both. */
  readonly versions?: Versions;
  /** Of version 1.0. Default `sha256`, the only one that Windows 7 retrieves. */
  readonly algorithm?: Exclude<HashAlgorithm, "sha512-truncated">;
}

/** One publication for each version that was asked for. Content of no bytes gives publications without segments. */
export interface Publications {
  readonly v1?: Publication;
  readonly v2?: Publication;
}

/** `Publications` with those that are sure to be there: of the versions that the call spells out, or of both by default. */
export type PublicationsOf<Versions extends AnyVersions> = Versions extends unknown
  ? number extends Versions["length"]
    ? Publications
    : Publications & { readonly [Version in Versions[number] as `v${Version}`]: Publication }
  : never;

/** Content on its way through: `update` for each piece in order, then `finish` once. [MS-PCCRC] 2.1, 2.2 */
export interface Publisher<Found extends Publications = Publications> {
  /** Takes the next piece of the content, of any length; keeps no reference to it. */
  update(bytes: Uint8Array): void;
  /** Ends the content and gives what was computed. Neither method may be called after it. */
  finish(): Found;
}

/** One version's part of the work, fed with slices of at most 64 KiB. */
interface Pass {
  update(bytes: Uint8Array): void;
  finish(): Publication;
}

/** Memory: the hashes, 32 bytes for 64 KiB of content and version; the content itself is not kept. */
export function createPublisher<const Versions extends AnyVersions = readonly [1, 2]>(
  options: PublisherOptions<Versions>,
): Publisher<PublicationsOf<Versions>>;
export function createPublisher(options: PublisherOptions): Publisher {
  const { engine, versions = [1, 2], algorithm = "sha256" } = options;
  const v1 = versions.includes(1) ? new V1Pass(engine, algorithm) : undefined;
  const v2 = versions.includes(2) ? new V2Pass(engine) : undefined;
  let position = 0;
  return {
    update(bytes) {
      // In slices of a block, so that version 2.0 finds the bytes in the cache of the processor.
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(at + V1_BLOCK_BYTES - (position % V1_BLOCK_BYTES), bytes.length);
        const slice = bytes.subarray(at, end);
        v1?.update(slice);
        v2?.update(slice);
        position += end - at;
        at = end;
      }
    },
    finish: () => ({
      ...(v1 && { v1: v1.finish() }),
      ...(v2 && { v2: v2.finish() }),
    }),
  };
}

/** Publishes content that is in memory as a whole. */
export function publishBytes<const Versions extends AnyVersions = readonly [1, 2]>(
  bytes: Uint8Array,
  options: PublisherOptions<Versions>,
): PublicationsOf<Versions>;
export function publishBytes(bytes: Uint8Array, options: PublisherOptions): Publications {
  const publisher = createPublisher(options);
  publisher.update(bytes);
  return publisher.finish();
}

/** The hash of a run of slices. A run of one slice is hashed in one call, which is faster. */
class RunHash {
  readonly #engine: HashEngine;
  readonly #algorithm: HashAlgorithm;
  #running: RunningHash | undefined;

  constructor(engine: HashEngine, algorithm: HashAlgorithm) {
    this.#engine = engine;
    this.#algorithm = algorithm;
  }

  update(slice: Uint8Array): void {
    this.#running ??= this.#engine.create(this.#algorithm);
    this.#running.update(slice);
  }

  /** Ends the run with this slice. */
  end(slice: Uint8Array): Uint8Array {
    const running = this.#running;
    if (!running) return this.#engine.hash(this.#algorithm, slice);
    this.#running = undefined;
    running.update(slice);
    return running.digest();
  }
}

const NOTHING = new Uint8Array(0);

class V1Pass implements Pass {
  readonly #engine: HashEngine;
  readonly #algorithm: HashAlgorithm;
  readonly #block: RunHash;
  readonly #blockHashes = new GrowingBytes();
  #lengthBytes = 0;

  constructor(engine: HashEngine, algorithm: HashAlgorithm) {
    requireAlgorithmOf(1, algorithm);
    this.#engine = engine;
    this.#algorithm = algorithm;
    this.#block = new RunHash(engine, algorithm);
  }

  update(slice: Uint8Array): void {
    this.#lengthBytes += slice.length;
    if (this.#lengthBytes % V1_BLOCK_BYTES !== 0) this.#block.update(slice);
    else this.#blockHashes.append(this.#block.end(slice));
  }

  finish(): Publication {
    if (this.#lengthBytes % V1_BLOCK_BYTES !== 0) this.#blockHashes.append(this.#block.end(NOTHING));
    return publicationOfBlocks(this.#engine, this.#algorithm, this.#lengthBytes, this.#blockHashes.copy());
  }
}

/** Version 1.0 from the hashes of all blocks, joined; kept, not copied. HoD is their hash, segment by segment. */
export function publicationOfBlocks(
  engine: HashEngine,
  algorithm: HashAlgorithm,
  lengthBytes: number,
  blockHashes: Uint8Array,
): Publication {
  const hashBytes = hashLengthBytes(algorithm);
  const listBytes = (V1_SEGMENT_BYTES / V1_BLOCK_BYTES) * hashBytes;
  const segmentLengths = new Uint32Array(Math.ceil(lengthBytes / V1_SEGMENT_BYTES));
  const hashesOfData = new Uint8Array(segmentLengths.length * hashBytes);
  for (let index = 0; index < segmentLengths.length; index++) {
    segmentLengths[index] = Math.min(V1_SEGMENT_BYTES, lengthBytes - index * V1_SEGMENT_BYTES);
    const list = blockHashes.subarray(index * listBytes, (index + 1) * listBytes);
    hashesOfData.set(engine.hash(algorithm, list), index * hashBytes);
  }
  return publicationFromColumns({ version: 1, algorithm, segmentLengths, hashesOfData, blockHashes });
}

/** Version 2.0 from lengths and hashes of all segments; kept, not copied. */
export function publicationOfSegments(lengths: readonly number[], hashesOfData: Uint8Array): Publication {
  return publicationFromColumns({
    version: 2,
    algorithm: "sha512-truncated",
    segmentLengths: Uint32Array.from(lengths),
    hashesOfData,
    blockHashes: NOTHING,
  });
}

class V2Pass implements Pass {
  readonly #segment: RunHash;
  readonly #cutter = new SegmentCutter();
  readonly #lengths: number[] = [];
  readonly #hashesOfData = new GrowingBytes();

  constructor(engine: HashEngine) {
    this.#segment = new RunHash(engine, "sha512-truncated");
  }

  update(slice: Uint8Array): void {
    let start = 0;
    while (start < slice.length) {
      const pending = this.#cutter.pendingBytes;
      const end = this.#cutter.next(slice, start);
      if (end < 0) {
        this.#segment.update(slice.subarray(start));
        return;
      }
      this.#lengths.push(pending + end - start);
      this.#hashesOfData.append(this.#segment.end(slice.subarray(start, end)));
      start = end;
    }
  }

  finish(): Publication {
    const pending = this.#cutter.pendingBytes;
    if (pending > 0) {
      this.#lengths.push(pending);
      this.#hashesOfData.append(this.#segment.end(NOTHING));
    }
    return publicationOfSegments(this.#lengths, this.#hashesOfData.copy());
  }
}
