/** What a download tells of itself. */
import type { ByteSource, Explanation } from "../branch-cache.ts";

/** What came from where: shown while a download runs and kept when it ends. */
export interface DownloadProgress {
  /** Of the content, once it is known. */
  readonly lengthBytes: number | undefined;
  /** Content written so far, by where it came from. */
  readonly bytes: Readonly<Record<ByteSource, number>>;
}

export interface DownloadReport extends DownloadProgress {
  readonly lengthBytes: number;
  /** Content Information that the origin sent: it crossed the WAN too. */
  readonly contentInformationBytes: number;
  /** Of Content Information; undefined when the origin sent none. */
  readonly version: 1 | 2 | undefined;
  /** From the call to its end. */
  readonly elapsedMs: number;
  /** Times that the content changed under way and everything began anew. */
  readonly restarts: number;
  /** `kept`: served to others from now on. `not-offered`: the origin had no Content Information for it. */
  readonly cached: "kept" | "partly" | "not-kept" | "not-offered";
  /** What the origin answered in the end. */
  readonly answer: "content-information" | "content";
  /** Where Content Information was used and `explain` was asked for. */
  readonly explanation?: Explanation;
}

const NOTHING: Readonly<Record<ByteSource, number>> = { local: 0, peer: 0, hosted: 0, origin: 0 };

export class ByteCount {
  readonly bytes: Record<ByteSource, number> = { ...NOTHING };

  add(source: ByteSource, length: number): void {
    this.bytes[source] += length;
  }

  clear(): void {
    Object.assign(this.bytes, NOTHING);
  }
}
