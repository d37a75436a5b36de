/** One publication of one identity: in the making, complete, or gone. */
import {
  type ContentInformationVersion,
  type ContentRange,
  contentInformationParts,
  createPublisher,
  type HashEngine,
  type Publication,
  type Publications,
  type Publisher,
  type ServerSecret,
} from "@branchcache/content-info";
import { concatBytes } from "@branchcache/runtime";
import {
  ERROR_INVALID_PARAMETER,
  ERROR_SUCCESS,
  PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED,
  PEERDIST_ERROR_NO_MORE,
  PEERDIST_ERROR_OUT_OF_BOUNDS,
} from "../win32/errors.ts";
import type { Operation, OperationOwner, Outcome } from "./operations.ts";
import { SerialQueue } from "./serial-queue.ts";

export interface PublishingOptions {
  readonly engine: HashEngine;
  readonly secret: ServerSecret;
  readonly versions: readonly ContentInformationVersion[];
}

/** The hashes of both versions take this much memory for each `HASHED_BYTES` of content, as measured. */
const HASHES_BYTES = 320;
const HASHED_BYTES = 65_536;

export class PublicationRecord {
  /** Open contentinfo handles. */
  readonly cursors = new Set<InformationCursor>();
  readonly #options: PublishingOptions;
  readonly #declaredBytes: number;
  #publisher: Publisher | undefined;
  #publications: Publications | undefined;
  #takenBytes = 0;

  /** `declaredBytes` 0: unknown. */
  constructor(declaredBytes: number, options: PublishingOptions) {
    this.#declaredBytes = declaredBytes;
    this.#options = options;
    this.#publisher = createPublisher({ engine: options.engine, versions: options.versions });
  }

  get complete(): boolean {
    return this.#publications !== undefined;
  }

  /** Its share of the quota, and what that would be with so many more bytes of content. */
  get quotaBytes(): number {
    return this.quotaBytesWith(0);
  }

  quotaBytesWith(moreBytes: number): number {
    return Math.ceil((this.#takenBytes + moreBytes) / HASHED_BYTES) * HASHES_BYTES;
  }

  /** `moreBytes` follow in the same call of the API, which is refused as a whole where it exceeds the declared length. */
  update(bytes: Uint8Array, moreBytes: number): number {
    const total = this.#takenBytes + bytes.length + moreBytes;
    if (this.#declaredBytes > 0 && total > this.#declaredBytes) return PEERDIST_ERROR_OUT_OF_BOUNDS;
    this.#publisher?.update(bytes);
    this.#takenBytes += bytes.length;
    return ERROR_SUCCESS;
  }

  finish(): number {
    if (this.#declaredBytes > 0 && this.#takenBytes !== this.#declaredBytes) return ERROR_INVALID_PARAMETER;
    this.#publications = this.#publisher?.finish();
    this.#publisher = undefined;
    return ERROR_SUCCESS;
  }

  /** A cursor over the Content Information of the range, or the error that the call returns. */
  open(
    offsetBytes: number,
    lengthBytes: number,
    versions: { readonly min: number; readonly max: number },
  ): InformationCursor | number {
    const publication = this.#pick(versions);
    if (!publication) return PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED;
    const all = publication.lengthBytes;
    const endBytes = lengthBytes === 0 ? all : offsetBytes + lengthBytes;
    if (all === 0 && endBytes === 0) return new InformationCursor(this, []);
    if (offsetBytes >= all || endBytes > all) return ERROR_INVALID_PARAMETER;
    const { secret, engine } = this.#options;
    const range: ContentRange = { startBytes: offsetBytes, endBytes };
    return new InformationCursor(this, contentInformationParts(publication, secret, engine, range));
  }

  #pick({ min, max }: { readonly min: number; readonly max: number }): Publication | undefined {
    const { v1, v2 } = this.#publications ?? {};
    return [v2, v1].find((one) => one && one.version >= min && one.version <= max);
  }
}

/** A stream handle: feeds one publication. */
export class PublishStream implements OperationOwner {
  readonly operations = new Set<Operation>();
  /** What every further call returns; 0 while the handle is alive. */
  dead = 0;
  completed = false;
  /** Bytes of one call of the API that are still to come. */
  expectedBytes = 0;
  readonly publication: PublicationRecord;
  readonly identifier: string;

  constructor(publication: PublicationRecord, identifier: string) {
    this.publication = publication;
    this.identifier = identifier;
  }
}

/** A contentinfo handle: reads on from where the last read ended. */
export class InformationCursor implements OperationOwner {
  readonly operations = new Set<Operation>();
  readonly queue = new SerialQueue();
  /** What every further call returns; 0 while the handle is alive. */
  dead = 0;
  readonly publication: PublicationRecord;
  readonly #parts: Iterator<Uint8Array>;
  #ready: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(publication: PublicationRecord, parts: Iterable<Uint8Array>) {
    this.publication = publication;
    this.#parts = parts[Symbol.iterator]();
  }

  read(maxBytes: number): Outcome {
    while (this.#ready.length < maxBytes) {
      const next = this.#parts.next();
      if (next.done) break;
      this.#ready = concatBytes(this.#ready, next.value);
    }
    const chunk = this.#ready.slice(0, maxBytes);
    if (chunk.length === 0) return { error: PEERDIST_ERROR_NO_MORE };
    return {
      error: ERROR_SUCCESS,
      bytes: chunk.length,
      offset: this.#offset,
      data: [chunk],
      commit: () => {
        this.#ready = this.#ready.subarray(chunk.length);
        this.#offset += chunk.length;
      },
    };
  }
}
