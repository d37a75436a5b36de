// @ts-check
/**
 * What nothing on Node.js can be faster than: blocks of the benchmark's content, decrypted and hashed one after another
 * with `node:crypto`, without network, messages or anything of ours. Arguments: version, bytes.
 *
 * Plaintexts are left to the garbage collection, as they would be in any program.
 */
import { createDecipheriv, createHash } from "node:crypto";
import { watchOwnUse } from "../support/process-use.js";
import { benchSegments, benchSource } from "./content.js";

const version = process.argv[2] === "2" ? 2 : 1;
const segments = benchSegments(version, Number(process.argv[3] ?? 0));
const source = benchSource(version);
const algorithm = version === 1 ? "sha256" : "sha512";

const used = watchOwnUse();
for (const { blockHashes, id, secret } of segments) {
  for (const [index, expected] of blockHashes.entries()) {
    const found = await source.block(id, index, 1);
    if (!found) throw new Error("the benchmark's source has no such block");
    const { data, iv } = found.sealed;
    const decipher = createDecipheriv("aes-128-cbc", secret.subarray(0, 16), iv);
    // With padding to check there would be two pieces, and a copy that puts them together.
    decipher.setAutoPadding(false);
    const plaintext = decipher.update(data).subarray(0, 65_536);
    const hash = createHash(algorithm).update(plaintext).digest();
    if (!hash.subarray(0, expected.length).equals(expected)) throw new Error("a block is wrong");
  }
}
console.log(JSON.stringify(used()));
