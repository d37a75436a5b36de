/** The SHA-256 that a download was promised to have: of the whole, over what each block was verified against. */
import { createHash } from "node:crypto";
import { redactUrl } from "@branchcache/http-encoding/node/client";
import type { DownloadSink, FileSink } from "@branchcache/peer-node/download";
import { BranchCacheError } from "@branchcache/runtime";

const READ_BYTES = 1024 * 1024;

/** Throws `BC_SHA256` for another digest, and then nothing of the file is kept. */
export async function checkFile(
  file: FileSink,
  lengthBytes: number,
  url: string,
  sha256: string,
): Promise<void> {
  const hash = createHash("sha256");
  for (let at = 0; at < lengthBytes; at += READ_BYTES) hash.update(await file.readBack(at, READ_BYTES));
  const digest = hash.digest("hex");
  if (digest === sha256) return;
  await file.restart();
  throw wrongDigest(url, sha256, digest);
}

/** The sink with a digest of what goes through it; for those that take bytes in their order. */
export function hashedSink(sink: DownloadSink): {
  readonly sink: DownloadSink;
  check(url: string, sha256: string): void;
} {
  const hash = createHash("sha256");
  return {
    sink: {
      ...sink,
      write(offsetBytes, bytes, done) {
        hash.update(bytes);
        return sink.write(offsetBytes, bytes, done);
      },
    },
    check(url, sha256) {
      const digest = hash.digest("hex");
      if (digest !== sha256) throw wrongDigest(url, sha256, digest);
    },
  };
}

function wrongDigest(url: string, wanted: string, found: string): BranchCacheError {
  return new BranchCacheError("BC_SHA256", `${redactUrl(url)} has the SHA-256 ${found}, and not ${wanted}`);
}
