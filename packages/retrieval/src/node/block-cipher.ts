import { createCipheriv, createDecipheriv } from "node:crypto";
import type { SegmentSecret } from "@branchcache/content-info";
import { type BlockCipher, CIPHER_BLOCK_BYTES, canOpen, hasExactPadding, KEY_BYTES } from "../cipher.ts";

const NAMES = { 1: "aes-128-cbc", 2: "aes-192-cbc", 3: "aes-256-cbc" } as const;

/** AES of `node:crypto`. */
export const nodeBlockCipher: BlockCipher = {
  seal(plaintext, secret, cipher, random) {
    if (cipher === 0) return { cipher, iv: new Uint8Array(0), data: plaintext.slice() };
    const iv = random.bytes(CIPHER_BLOCK_BYTES);
    const aes = createCipheriv(NAMES[cipher], keyOf(secret, cipher), iv);
    return { cipher, iv, data: plain(Buffer.concat([aes.update(plaintext), aes.final()])) };
  },

  open(sealed, secret, lengthBytes) {
    if (!canOpen(sealed, lengthBytes)) return undefined;
    const { cipher, data, iv } = sealed;
    if (cipher === 0)
      return { plaintext: data.slice(0, lengthBytes), canonical: data.length === lengthBytes };
    const aes = createDecipheriv(NAMES[cipher], keyOf(secret, cipher), iv);
    // Without padding to check, `update` gives everything at once and `final` has nothing to say.
    aes.setAutoPadding(false);
    const decrypted = plain(aes.update(data));
    return {
      plaintext: decrypted.subarray(0, lengthBytes),
      canonical: hasExactPadding(decrypted, lengthBytes, cipher),
    };
  },
};

function keyOf(secret: SegmentSecret, cipher: 1 | 2 | 3): Uint8Array {
  return secret.subarray(0, KEY_BYTES[cipher]);
}

function plain({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
