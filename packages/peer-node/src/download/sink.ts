/** Where a download goes. */

export interface DownloadSink {
  /** In order, or, where `restart` exists, anywhere. */
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** Forgets everything written. Absent where bytes are gone once written, as in a pipe. */
  restart?(): Promise<void>;
  /** Reads back what was written; fewer bytes at the end. Absent where that is impossible. */
  readBack?(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
}
