/** Segments of made-up content, as their readers see them. */
import { publishBytes, type Segment, ServerSecret, segmentsOf } from "@branchcache/content-info";
import { nodeHashEngine as engine } from "@branchcache/content-info/node";
import { fromHex } from "@branchcache/runtime";
import { seededRandom } from "@branchcache/runtime/testing";

const secret = ServerSecret.fromPassphrase("hosted cache tests");

export function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (!bytes) throw new Error("not hexadecimal");
  return bytes;
}

/** Of random bytes; in version 1 one segment up to 32 MiB, in version 2 many small ones. */
export function segments(version: 1 | 2, lengthBytes: number, seed = 1): Segment[] {
  const content = seededRandom(seed).bytes(lengthBytes);
  const { v1, v2 } = publishBytes(content, { engine, versions: [version] });
  const publication = version === 1 ? v1 : v2;
  if (!publication) throw new Error("not published");
  return segmentsOf(publication, secret, engine);
}

/** One of version 1, of that many blocks. */
export function v1Segment(blocks: number, seed = 1): Segment {
  const [segment] = segments(1, blocks * 65_536, seed);
  if (!segment) throw new Error("no segment");
  return segment;
}

/** Distinct ones of version 2, one block each. */
export function v2Segments(count: number): Segment[] {
  return Array.from({ length: count }, (_, i) => {
    const [segment] = segments(2, 1_000, 1_000 + i);
    if (!segment) throw new Error("no segment");
    return segment;
  });
}
