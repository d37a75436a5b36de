/** Content, secrets and cut lists that several tests share. */
import type { HashEngine } from "@branchcache/content-info";
import { type Publication, publicationFromColumns, ServerSecret } from "@branchcache/content-info";
import { concatBytes, errorCode, errorMessage, fromHex, toHex } from "@branchcache/runtime";
import worked from "./vectors/worked-examples.json" with { type: "json" };

export const workedExamples = worked;

/** The content of the worked examples: byte i is (31 i + 7) mod 251. */
export function exampleContent(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) bytes[i] = (i * 31 + 7) % 251;
  return bytes;
}

export const exampleSecret = ServerSecret.fromBytes(new TextEncoder().encode("branchcache test secret"));

export function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (!bytes) throw new Error("not hexadecimal");
  return bytes;
}

export function sha256Hex(engine: HashEngine, bytes: Uint8Array): string {
  return toHex(engine.hash("sha256", bytes));
}

/** Version 2.0 cut where the test says, not where our cutter would. */
export function publishCut(content: Uint8Array, lengths: readonly number[], engine: HashEngine): Publication {
  let at = 0;
  const hashes = lengths.map((length) => {
    const segment = content.subarray(at, at + length);
    at += length;
    return engine.hash("sha512-truncated", segment);
  });
  return publicationFromColumns({
    version: 2,
    algorithm: "sha512-truncated",
    segmentLengths: Uint32Array.from(lengths),
    hashesOfData: concatBytes(...hashes),
    blockHashes: new Uint8Array(0),
  });
}

/** As many full lengths as fit, then the rest. */
export function evenCuts(sizeBytes: number, eachBytes: number): number[] {
  const lengths = new Array<number>(Math.floor(sizeBytes / eachBytes)).fill(eachBytes);
  if (sizeBytes % eachBytes > 0) lengths.push(sizeBytes % eachBytes);
  return lengths;
}

/** The code and message that the work rejects with; undefined and empty if it does not. */
export async function codeAndMessage(work: Promise<unknown>): Promise<[string | undefined, string]> {
  try {
    await work;
  } catch (error) {
    return [errorCode(error), errorMessage(error)];
  }
  return [undefined, ""];
}
