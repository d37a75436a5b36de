import { GrowingBytes } from "../../growing-bytes.ts";
import {
  type Publications,
  type PublisherOptions,
  publicationOfBlocks,
  publicationOfSegments,
} from "../../publisher.ts";
import { nodeHashEngine } from "../node-hash-engine.ts";

/** Gathers, in content order, what workers hashed. */
export class HashSink {
  readonly blockHashes: GrowingBytes = new GrowingBytes();
  readonly segmentHashes: GrowingBytes = new GrowingBytes();
  readonly segmentLengths: number[] = [];

  publications(
    { versions = [1, 2], algorithm = "sha256" }: Pick<PublisherOptions, "versions" | "algorithm">,
    lengthBytes: number,
  ): Publications {
    return {
      ...(versions.includes(1) && {
        v1: publicationOfBlocks(nodeHashEngine, algorithm, lengthBytes, this.blockHashes.copy()),
      }),
      ...(versions.includes(2) && {
        v2: publicationOfSegments(this.segmentLengths, this.segmentHashes.copy()),
      }),
    };
  }
}
