/**
 * One download: ask the origin for Content Information, take what the branch has, fetch the rest by
 * range, verify everything, and leave it with the node for the next one who asks.
 */
import type { ContentRange } from "@branchcache/content-info";
import {
  compareValidators,
  ifRange,
  type OriginAnswer,
  type OriginClient,
  type RequestOptions,
  redactUrl,
} from "@branchcache/http-encoding/node/client";
import { BranchCacheError, type Clock, errorCode, type Observer, silentObserver } from "@branchcache/runtime";
import type { BranchCache, ContentReader, Explanation } from "../branch-cache.ts";
import { adoptAll } from "./adopt.ts";
import { ContentChanged } from "./content-changed.ts";
import { addBlocks } from "./origin-blocks.ts";
import { RangeFiller } from "./range-filler.ts";
import { ByteCount, type DownloadProgress, type DownloadReport } from "./report.ts";
import type { DownloadSink, PartialContent } from "./sink.ts";

export interface DownloadOptions {
  /** `http:` or `https:`. */
  readonly url: string;
  /** Asks the content server: `originClient` of http-encoding. */
  readonly origin: OriginClient;
  /** The node, or a connection to the daemon. */
  readonly branchCache: BranchCache;
  /** Where the content goes. */
  readonly sink: DownloadSink;
  /** Tells how long it took. */
  readonly clock: Clock;
  /** Receives metrics and events. Default: nobody. */
  readonly observer?: Observer;
  /** Ends the download, which rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Request headers for the origin, for instance `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The highest version of Content Information to ask for. Default 2. */
  readonly maxVersion?: 1 | 2;
  /** False: an ordinary download, without Content Information and peers. Default true. */
  readonly offer?: boolean;
  /** Have the report say who was asked for what, and what became of it. Default false. */
  readonly explain?: boolean;
  /** Called after each write; must be quick. */
  readonly onProgress?: (progress: DownloadProgress) => void;
}

type CodedAnswer = Extract<OriginAnswer, { kind: "content-information" }>;
type PlainAnswer = Extract<OriginAnswer, { kind: "content" }>;

/**
 * Resolves when every byte is in the sink. Errors: those of `OriginClient` and `BranchCache`, and
 * `BC_CONTENT_CHANGED` when the content changed under way and could not be begun anew.
 */
export async function download(options: DownloadOptions): Promise<DownloadReport> {
  return new Download(options).run();
}

class Download {
  readonly #options: DownloadOptions;
  readonly #count = new ByteCount();
  #lengthBytes: number | undefined;
  #contentInformationBytes = 0;
  #version: 1 | 2 | undefined;
  #written = false;
  #answer: DownloadReport["answer"] = "content";
  #explanation: Explanation | undefined;
  #partial: PartialContent | undefined;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#partial = options.sink.partial;
  }

  get #request(): RequestOptions {
    const { signal, headers } = this.#options;
    return { ...(signal ? { signal } : {}), ...(headers ? { headers } : {}) };
  }

  async run(): Promise<DownloadReport> {
    const { clock, sink, url, observer = silentObserver } = this.#options;
    const startMs = clock.monotonicMs();
    for (let restarts = 0; ; restarts++) {
      try {
        const cached = await this.#attempt(restarts);
        const report: DownloadReport = {
          lengthBytes: this.#lengthBytes ?? 0,
          bytes: { ...this.#count.bytes },
          contentInformationBytes: this.#contentInformationBytes,
          version: this.#version,
          elapsedMs: clock.monotonicMs() - startMs,
          restarts,
          cached,
          answer: this.#answer,
          ...(this.#explanation ? { explanation: this.#explanation } : {}),
        };
        observer.event("info", "download.finished", {
          length: report.lengthBytes,
          ...report.bytes,
          elapsed_ms: Math.round(report.elapsedMs),
          cached,
        });
        return report;
      } catch (error) {
        if (!(error instanceof ContentChanged)) throw error;
        if (restarts === RESTARTS_MAX || (this.#written && !sink.restart)) {
          throw new BranchCacheError(
            "BC_CONTENT_CHANGED",
            restarts === RESTARTS_MAX
              ? `${redactUrl(url)} kept changing while it was downloaded, ${restarts + 1} times in a row`
              : `${redactUrl(url)} changed while it was downloaded, and what was written cannot be taken back`,
            { cause: error },
          );
        }
        await sink.restart?.();
        this.#count.clear();
        this.#written = false;
      }
    }
  }

  async #attempt(restarts: number): Promise<DownloadReport["cached"]> {
    const { url, origin, branchCache, signal, maxVersion = 2, offer = true } = this.#options;
    // The last try takes no chances with hashes that may lag behind the content.
    const answer = await origin.open(url, {
      ...this.#request,
      ...(offer && restarts < RESTARTS_MAX ? { versions: maxVersion } : { offer: false }),
    });
    if (answer.kind === "content") return this.#takePlain(answer);
    this.#contentInformationBytes += answer.bytes.length;
    let reader: ContentReader;
    try {
      reader = await branchCache.open(answer.bytes, { name: redactUrl(url), ...(signal ? { signal } : {}) });
    } catch (error) {
      signal?.throwIfAborted();
      if (!isContentInformationFault(error)) throw error;
      // [MS-CCROD] 2.7: bad Content Information is no fault of the content.
      const plain = await origin.open(url, { ...this.#request, offer: false });
      if (plain.kind !== "content") throw error;
      return this.#takePlain(plain);
    }
    await using _ = reader;
    if (reader.range.startBytes !== 0 || reader.range.endBytes !== answer.contentLengthBytes) {
      throw new ContentChanged("Content Information and announced length disagree");
    }
    // Awaited here: the reader is closed when this block is left.
    return await this.#takeCoded(answer, reader);
  }

  async #takeCoded(answer: CodedAnswer, reader: ContentReader): Promise<DownloadReport["cached"]> {
    this.#lengthBytes = answer.contentLengthBytes;
    this.#answer = "content-information";
    this.#version = versionOf(answer.bytes);
    const { sink } = this.#options;
    const partial = this.#takePartial();
    // Verified block by block, what is there already is as good as from a peer.
    if (partial && sink.readBack) await adoptAll(reader, partial.lengthBytes, sink.readBack.bind(sink));
    if (partial) await sink.restart?.();
    sink.begin?.(answer.validator);
    let refusedBytes = 0;
    const filler = new RangeFiller({
      wholeUntil: (startBytes, endBytes) => {
        let offsetBytes = startBytes;
        while (offsetBytes < endBytes) {
          const block = reader.blockAt(offsetBytes);
          if (!block) throw new BranchCacheError("BC_INTERNAL", `no block starts at byte ${offsetBytes}`);
          offsetBytes += block.lengthBytes;
        }
        return offsetBytes;
      },
      fill: async (range, stop) => {
        refusedBytes += await this.#fillGap(answer, reader, range, stop);
      },
      // Whoever waits for a piece hears of it.
      onFailure: () => void reader.close(),
    });
    // A pipe takes bytes in their order only: there the origin has its turn when the reader has come to it.
    const isOrdered = sink.restart === undefined;
    let gap: { startBytes: number; endBytes: number } | undefined;
    const fill = async () => {
      if (gap) filler.need(gap);
      gap = undefined;
      if (isOrdered) await filler.settled();
    };
    const onMissing = (ranges: readonly ContentRange[]) => {
      for (const range of ranges) filler.note(range);
    };
    try {
      for await (const piece of reader.pieces(isOrdered ? {} : { onMissing })) {
        if (filler.failure) break;
        if (piece.kind === "missing") {
          const endBytes = piece.offsetBytes + piece.lengthBytes;
          if (gap) gap.endBytes = endBytes;
          else gap = { startBytes: piece.offsetBytes, endBytes };
          if (gap.endBytes - gap.startBytes >= GAP_MAX_BYTES) await fill();
          continue;
        }
        await fill();
        const { bytes } = piece;
        await this.#write(piece.offsetBytes, bytes, piece.source, () => reader.release?.(bytes));
      }
      await fill();
      await filler.settled();
    } catch (error) {
      throw filler.failure ? filler.failure.error : error;
    } finally {
      // Nothing may be written any more when this download begins anew, or is over.
      await filler.stop();
    }
    if (this.#options.explain) this.#explanation = await reader.explain();
    if (refusedBytes === 0) return "kept";
    return refusedBytes < answer.contentLengthBytes ? "partly" : "not-kept";
  }

  /** Resolves to the bytes of it that the node did not keep. */
  async #fillGap(
    answer: CodedAnswer,
    reader: ContentReader,
    range: ContentRange,
    stop: AbortSignal,
  ): Promise<number> {
    const { origin, signal, url } = this.#options;
    const part = await origin.range(url, range, answer.validator, {
      ...this.#request,
      signal: signal ? AbortSignal.any([signal, stop]) : stop,
    });
    if (part.kind === "changed") throw new ContentChanged("the origin has another version now");
    return addBlocks({
      reader,
      range,
      body: part.body,
      write: (offsetBytes, bytes) => this.#write(offsetBytes, bytes, "origin"),
      stop,
    });
  }

  async #takePlain(answer: PlainAnswer): Promise<DownloadReport["cached"]> {
    this.#lengthBytes = answer.lengthBytes;
    this.#answer = "content";
    this.#explanation = undefined;
    const { sink } = this.#options;
    const partial = this.#takePartial();
    const rest = partial && (await this.#rest(answer, partial));
    if (partial && !rest) await sink.restart?.();
    sink.begin?.(answer.validator);
    let offsetBytes = rest && partial ? partial.lengthBytes : 0;
    this.#count.add("local", offsetBytes);
    for await (const bytes of rest ?? answer.body) {
      await this.#write(offsetBytes, bytes, "origin");
      offsetBytes += bytes.length;
    }
    this.#lengthBytes = offsetBytes;
    if (!answer.makeHashRequest) return "not-offered";
    return this.#adopt(answer, offsetBytes);
  }

  /** Of use once: what the sink holds afterwards is this download's own. */
  #takePartial(): PartialContent | undefined {
    const partial = this.#partial;
    this.#partial = undefined;
    return partial;
  }

  /** What is missing behind the beginning that is there; undefined where it is not of this content. */
  async #rest(answer: PlainAnswer, partial: PartialContent): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { origin, url } = this.#options;
    const { validator, lengthBytes } = answer;
    if (!validator || lengthBytes === undefined || partial.lengthBytes >= lengthBytes) return undefined;
    const same = compareValidators(partial.validator, validator) === "agree";
    if (!same || ifRange(partial.validator) === undefined) return undefined;
    const range = { startBytes: partial.lengthBytes, endBytes: lengthBytes };
    const part = await origin.range(url, range, partial.validator, this.#request);
    if (part.kind === "changed") return undefined;
    answer.discard();
    return part.body;
  }

  /** Learns the Content Information of what was just downloaded, so that others can have it from here. */
  async #adopt(plain: PlainAnswer, lengthBytes: number): Promise<DownloadReport["cached"]> {
    const { url, origin, branchCache, sink, signal, maxVersion = 2 } = this.#options;
    if (!sink.readBack) return "not-kept";
    try {
      const answer = await origin.open(url, { ...this.#request, versions: maxVersion, hashRequest: true });
      if (answer.kind === "content") {
        answer.discard();
        return "not-kept";
      }
      this.#contentInformationBytes += answer.bytes.length;
      if (answer.contentLengthBytes !== lengthBytes) return "not-kept";
      this.#version = versionOf(answer.bytes);
      await using reader = await branchCache.open(answer.bytes, {
        name: redactUrl(url),
        ...(signal ? { signal } : {}),
      });
      return await adoptAll(reader, lengthBytes, sink.readBack.bind(sink));
    } catch (error) {
      signal?.throwIfAborted();
      // The download itself is complete; that it cannot be shared is worth a line, not a failure.
      (this.#options.observer ?? silentObserver).event("warn", "publish.failed", {
        url: redactUrl(plain.finalUrl),
        error: String(error),
      });
      return "not-kept";
    }
  }

  async #write(
    offsetBytes: number,
    bytes: Uint8Array,
    source: keyof DownloadProgress["bytes"],
    done?: () => void,
  ): Promise<void> {
    const { sink, observer = silentObserver, onProgress } = this.#options;
    // Bytes that were given back may be empty.
    const { length } = bytes;
    this.#written = true;
    await sink.write(offsetBytes, bytes, done);
    this.#count.add(source, length);
    if (source === "origin") observer.count("retrieval_bytes_total", length, { source, app: "http" });
    onProgress?.({ lengthBytes: this.#lengthBytes, bytes: this.#count.bytes });
  }
}

/** The major version is the second byte. [MS-PCCRC] 2.3, 2.4 */
function versionOf(contentInformation: Uint8Array): 1 | 2 {
  return contentInformation[1] === 2 ? 2 : 1;
}

function isContentInformationFault(error: unknown): boolean {
  const code = errorCode(error);
  return code?.startsWith("BC_DECODE_") === true || code === "BC_CONTENT_INFORMATION_INVALID";
}

const RESTARTS_MAX = 3;
/** Missing pieces are gathered up to this before they are asked for, where they are known in their order only. */
const GAP_MAX_BYTES = 64 * 1024 * 1024;
