/** Content Information that arrives in pieces at a content handle. */
import {
  createContentInformationReader,
  type HashEngine,
  type Segment,
  V1_SEGMENT_BYTES,
  verifyBlockList,
} from "@branchcache/content-info";
import {
  ERROR_SUCCESS,
  PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO,
  PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED,
} from "../win32/errors.ts";
import { ContentMap } from "./content-map.ts";

/**
 * Where ullLengthOfRange stands in version 2.0: behind bMinor, bMajor, bHashAlgo, ullStartInContent,
 * ullIndexOfFirstSegment and dwOffsetInFirstSegment. [MS-PCCRC] 2.4
 */
const RANGE_LENGTH_AT = 23;
const HEAD_BYTES = RANGE_LENGTH_AT + 8;

/** 64 MiB describe some 60 GiB of content. */
const INFORMATION_MAX_BYTES = 64 * 1024 * 1024;

export class InformationFeed {
  readonly #engine: HashEngine;
  readonly #versions: { readonly min: number; readonly max: number };
  readonly #reader;
  readonly #segments: Segment[] = [];
  readonly #head = new Uint8Array(HEAD_BYTES);
  #takenBytes = 0;
  #error: number = ERROR_SUCCESS;

  constructor(engine: HashEngine, versions: { readonly min: number; readonly max: number }) {
    this.#engine = engine;
    this.#versions = versions;
    this.#reader = createContentInformationReader(engine, { maxBytes: INFORMATION_MAX_BYTES });
  }

  /** The number that the operation completes with. After a failure every further call returns that failure. */
  push(bytes: Uint8Array): number {
    if (this.#error !== ERROR_SUCCESS) return this.#error;
    if (this.#takenBytes < HEAD_BYTES) {
      this.#head.set(bytes.subarray(0, HEAD_BYTES - this.#takenBytes), this.#takenBytes);
    }
    this.#takenBytes += bytes.length;
    if (this.#takenBytes >= 2 && !this.#versionFits()) {
      this.#error = PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED;
      return this.#error;
    }
    return this.#guard(() => {
      this.#segments.push(...this.#reader.push(bytes));
      return ERROR_SUCCESS;
    });
  }

  /** The map, or the error that the operation completes with. */
  end(): ContentMap | number {
    if (this.#error !== ERROR_SUCCESS) return this.#error;
    return this.#guard(() => {
      const { range } = this.#reader.end();
      for (const segment of this.#segments) {
        if (verifyBlockList(segment, this.#engine) === "mismatch") {
          this.#error = PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO;
          return this.#error;
        }
      }
      return new ContentMap({ range, segments: this.#segments }, this.#reachesTheEnd(range.endBytes));
    });
  }

  #versionFits(): boolean {
    const [, major = 0] = this.#head;
    return major >= this.#versions.min && major <= this.#versions.max;
  }

  /** Whether the range is known to end where the content does. */
  #reachesTheEnd(endBytes: number): boolean {
    const last = this.#segments.at(-1);
    if (!last || endBytes !== last.offsetBytes + last.lengthBytes) return false;
    // Version 1.0: only the last segment of a content is shorter than the others.
    if (last.version === 1) return last.lengthBytes < V1_SEGMENT_BYTES;
    // Version 2.0: a length of 0 stands for all of the content.
    return this.#head.subarray(RANGE_LENGTH_AT, HEAD_BYTES).every((byte) => byte === 0);
  }

  #guard<T>(work: () => T): T | number {
    try {
      return work();
    } catch {
      this.#error = PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO;
      return this.#error;
    }
  }
}
