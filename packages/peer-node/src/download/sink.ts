/** Where a download goes. */
import type { Validator } from "@branchcache/http-encoding/node/client";

/** The beginning of a content, left by a download that did not come to its end. */
export interface PartialContent {
  /** Of the content that it began: another one cannot go on from it. */
  readonly validator: Validator;
  /** What is there, from the first byte on. */
  readonly lengthBytes: number;
}

/**
 * Takes a content's bytes. Only `write` is needed; what else a sink can do lets a download begin in the middle,
 * write out of order, or start again.
 */
export interface DownloadSink {
  /**
   * In order, or, where `restart` exists, anywhere. Resolves when it takes more, and may keep the bytes until later;
   * what goes wrong with them then is told by the write, or whatever else is asked of it, that follows. `done`, if
   * it is called at all, when the bytes are not looked at any longer.
   */
  write(offsetBytes: number, bytes: Uint8Array, done?: () => void): Promise<void>;
  /** Forgets everything written. Absent where bytes are gone once written, as in a pipe. */
  restart?(): Promise<void>;
  /** What is there already; of use only while the origin still has the same content. */
  readonly partial?: PartialContent | undefined;
  /** What the writes that follow are of, so that another download may go on with them. */
  begin?(validator: Validator | undefined): void;
  /** Reads back what was written; fewer bytes at the end. Absent where that is impossible. */
  readBack?(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
}
