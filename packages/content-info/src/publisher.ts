/** Cuts and hashes content as it passes by. One pass yields both versions. [MS-PCCRC] 2.1, 2.2 */
import { V1_BLOCK_BYTES, V1_SEGMENT_BYTES } from "./constants.ts";
import { SegmentCutter } from "./cutter.ts";
import { requireAlgorithmOf } from "./derive.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import type { HashEngine, RunningHash } from "./hash-engine.ts";
import { type Publication, publicationFromColumns } from "./publication.ts";
import type { ContentInformationVersion, HashAlgorithm } from "./types.ts";

export interface PublisherOptions {
  readonly engine: HashEngine;
  /** Default both. */
  readonly versions?: readonly ContentInformationVersion[];
  /** Of version 1.0. Default `sha256`, the only one that Windows 7 retrieves. */
  readonly algorithm?: Exclude<HashAlgorithm, "sha512-truncated">;
}

/** Of each version that was asked for. Content of no bytes gives publications without segments. */
export interface Publications {
  readonly v1?: Publication;
  readonly v2?: Publication;
}

export interface Publisher {
  /** Takes the next piece of the content, of any length; keeps no reference to it. */
  update(bytes: Uint8Array): void;
  /** Ends the content. Neither method may be called after it. */
  finish(): Publications;
}

/** One version's part of the work, fed with slices of at most 64 KiB. */
interface Pass {
  update(bytes: Uint8Array): void;
  finish(): Publication;
}

/** Memory: the hashes, 32 bytes for 64 KiB of content and version; the content itself is not kept. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { engine, versions = [1, 2], algorithm = "sha256" } = options;
  const v1 = versions.includes(1) ? new V1Pass(engine, algorithm) : undefined;
  const v2 = versions.includes(2) ? new V2Pass(engine) : undefined;
  let position = 0;
  return {
    update(bytes) {
      // Slice by block, so that the second version finds the bytes still in the processor's cache.
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

/** Content that is at hand as a whole. */
export function publishBytes(bytes: Uint8Array, options: PublisherOptions): Publications {
  const publisher = createPublisher(options);
  publisher.update(bytes);
  return publisher.finish();
}

/** Hash over a run of slices; a run that is one slice needs no running state. */
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
  readonly #lengths: number[] = [];
  readonly #hashesOfData = new GrowingBytes();
  readonly #blockHashes = new GrowingBytes();
  #segmentHashesStart = 0;
  #segmentBytes = 0;

  constructor(engine: HashEngine, algorithm: HashAlgorithm) {
    requireAlgorithmOf(1, algorithm);
    this.#engine = engine;
    this.#algorithm = algorithm;
    this.#block = new RunHash(engine, algorithm);
  }

  update(slice: Uint8Array): void {
    this.#segmentBytes += slice.length;
    if (this.#segmentBytes % V1_BLOCK_BYTES !== 0) {
      this.#block.update(slice);
      return;
    }
    this.#blockHashes.append(this.#block.end(slice));
    if (this.#segmentBytes === V1_SEGMENT_BYTES) this.#endSegment();
  }

  finish(): Publication {
    if (this.#segmentBytes % V1_BLOCK_BYTES !== 0) this.#blockHashes.append(this.#block.end(NOTHING));
    if (this.#segmentBytes > 0) this.#endSegment();
    return publicationFromColumns({
      version: 1,
      algorithm: this.#algorithm,
      segmentLengths: Uint32Array.from(this.#lengths),
      hashesOfData: this.#hashesOfData.copy(),
      blockHashes: this.#blockHashes.copy(),
    });
  }

  #endSegment(): void {
    this.#lengths.push(this.#segmentBytes);
    const hashes = this.#blockHashes.view(this.#segmentHashesStart);
    this.#hashesOfData.append(this.#engine.hash(this.#algorithm, hashes));
    this.#segmentHashesStart += hashes.length;
    this.#segmentBytes = 0;
  }
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
    return publicationFromColumns({
      version: 2,
      algorithm: "sha512-truncated",
      segmentLengths: Uint32Array.from(this.#lengths),
      hashesOfData: this.#hashesOfData.copy(),
      blockHashes: NOTHING,
    });
  }
}
