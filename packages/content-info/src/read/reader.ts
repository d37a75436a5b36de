/** Content Information read whole, or in pieces as it arrives. [MS-PCCRC] 2.3, 2.4 */
import type { HashEngine } from "../hash-engine.ts";
import type { ContentInformation, Segment } from "../types.ts";
import { VERSION_BYTES, versionField } from "../wire/version.ts";
import {
  type ContentInformationSummary,
  decodeRecord,
  fault,
  type OnSegment,
  type Parser,
} from "./record.ts";
import { parseV1 } from "./v1.ts";
import { parseV2 } from "./v2.ts";

/** Bounds of reading Content Information that comes from somebody else. */
export interface ReadOptions {
  /** A longer blob is refused with `BC_DECODE_LIMIT`. Default: no limit. */
  readonly maxBytes?: number;
}

/** Takes Content Information in pieces of any size. After a fault every call throws that fault again. */
export interface ContentInformationReader {
  /**
   * Takes the next piece, keeping no reference to it. Returns the segments now complete, in content order;
   * version 1.0 has none before all its descriptions are read. Throws `DecodeError`.
   */
  push(bytes: Uint8Array): readonly Segment[];
  /** The blob ends here. Throws `DecodeError` if it may not. */
  end(): ContentInformationSummary;
}

/**
 * A reader of one blob, of either version. Keeps of its input only what it has not returned yet: the segment descriptions
 * of version 1.0, nothing of version 2.0. Identifiers are derived, with `engine`, when first asked for.
 */
export function createContentInformationReader(
  engine: HashEngine,
  options: ReadOptions = {},
): ContentInformationReader {
  let complete: Segment[] = [];
  const feed = new RecordFeed(
    parse(engine, (segment) => complete.push(segment)),
    "copy",
    options,
  );
  return {
    push(bytes) {
      complete = [];
      feed.push(bytes);
      return complete;
    },
    end: () => feed.end(),
  };
}

/**
 * Reads a whole blob of either version. Hashes and secrets are views of `bytes`; identifiers are derived, with
 * `engine`, when first asked for. Throws `DecodeError`.
 */
export function readContentInformation(
  bytes: Uint8Array,
  engine: HashEngine,
  options: ReadOptions = {},
): ContentInformation {
  const segments: Segment[] = [];
  const feed = new RecordFeed(
    parse(engine, (segment) => segments.push(segment)),
    "view",
    options,
  );
  feed.push(bytes);
  return { ...feed.end(), segments };
}

function* parse(engine: HashEngine, onSegment: OnSegment): Parser {
  const { major } = decodeRecord(versionField, yield VERSION_BYTES, "version", 0);
  return yield* major === 1 ? parseV1(engine, onSegment) : parseV2(engine, onSegment);
}

/** Cuts the input into the records a parser asks for, none longer than 32 KiB. */
class RecordFeed {
  readonly #parser: Parser;
  readonly #records: "copy" | "view";
  readonly #maxBytes: number;
  #neededBytes = 0;
  /** A record whose rest is still to come, and how much of it is here. */
  #begun: Uint8Array | undefined;
  #begunBytes = 0;
  #takenBytes = 0;
  #summary: ContentInformationSummary | undefined;
  #fault: unknown;

  constructor(
    parser: Parser,
    records: "copy" | "view",
    { maxBytes = Number.POSITIVE_INFINITY }: ReadOptions,
  ) {
    this.#parser = parser;
    this.#records = records;
    this.#maxBytes = maxBytes;
    this.#step(parser.next());
  }

  push(bytes: Uint8Array): void {
    this.#guard(() => {
      if (this.#takenBytes + bytes.length > this.#maxBytes) {
        throw fault("BC_DECODE_LIMIT", `more than ${this.#maxBytes} bytes`, "", this.#maxBytes);
      }
      let at = 0;
      while (at < bytes.length && !this.#summary) {
        const missing = this.#neededBytes - this.#begunBytes;
        const piece = bytes.subarray(at, at + missing);
        at += piece.length;
        const record = this.#complete(piece);
        if (record) this.#step(this.#parser.next(record));
      }
      if (at < bytes.length) {
        const offset = this.#takenBytes + at;
        throw fault("BC_DECODE_TRAILING", `${bytes.length - at} bytes left over`, "", offset);
      }
      this.#takenBytes += bytes.length;
    });
  }

  end(): ContentInformationSummary {
    this.#guard(() => {
      const rest = this.#begun?.subarray(0, this.#begunBytes) ?? new Uint8Array(0);
      if (!this.#summary) this.#step(this.#parser.next(rest));
    });
    return this.#summary!;
  }

  /** The record, if the piece is its last. */
  #complete(piece: Uint8Array): Uint8Array | undefined {
    if (!this.#begun && piece.length === this.#neededBytes) {
      return this.#records === "copy" ? piece.slice() : piece;
    }
    this.#begun ??= new Uint8Array(this.#neededBytes);
    this.#begun.set(piece, this.#begunBytes);
    this.#begunBytes += piece.length;
    if (this.#begunBytes < this.#neededBytes) return undefined;
    const record = this.#begun;
    this.#begun = undefined;
    this.#begunBytes = 0;
    return record;
  }

  #step(result: IteratorResult<number, ContentInformationSummary>): void {
    if (result.done) this.#summary = result.value;
    else this.#neededBytes = result.value;
  }

  #guard(work: () => void): void {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      work();
    } catch (error) {
      this.#fault = error;
      throw error;
    }
  }
}
