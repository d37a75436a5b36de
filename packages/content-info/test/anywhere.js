/**
 * One round through the main entry, for whatever runtime loads this file. Plain JavaScript, with nothing of the
 * runtime's own: what it returns has to be the same everywhere.
 */
import * as ci from "@branchcache/content-info";
import { errorCode, toHex } from "@branchcache/runtime";

/** @param {ci.HashEngine} engine */
export function goThrough(engine) {
  // As in the worked examples, so that their bytes come out.
  const content = Uint8Array.from({ length: 65_537 }, (_, i) => (i * 31 + 7) % 251);
  const secret = ci.ServerSecret.fromBytes(
    Uint8Array.from("branchcache test secret", (letter) => letter.charCodeAt(0)),
  );
  const versions = Object.values(ci.publishBytes(content, { engine })).map((publication) => {
    const { version } = publication;
    const blob = ci.writeContentInformation(publication, secret, engine);
    const reader = ci.createContentInformationReader(engine);
    const segments = [...blob].flatMap((byte) => reader.push(Uint8Array.of(byte)));
    return {
      blob: toHex(blob),
      range: reader.end().range,
      segments: segments.map((segment) => {
        // The last block, which in version 1.0 is short: engines without a compiler are slow.
        const index = ci.blockCount(segment) - 1;
        const block = content.subarray(segment.offsetBytes + index * segment.blockSizeBytes);
        return {
          id: toHex(segment.id),
          list: ci.verifyBlockList(segment, engine),
          good: ci.verifyBlock(segment, index, block, engine),
          bad: version === 1 && ci.verifyBlock(segment, index, Uint8Array.of(1), engine),
        };
      }),
      stored: toHex(ci.encodePublication(ci.decodePublication(ci.encodePublication(publication)))),
    };
  });
  let fault;
  try {
    ci.readContentInformation(Uint8Array.of(0, 3), engine);
  } catch (error) {
    fault = errorCode(error);
  }
  const passphrase = ci.ServerSecret.fromPassphrase("é😀");
  return { versions, fault, key: toHex(passphrase.deriveKey(engine, "sha384")), printed: `${passphrase}` };
}
