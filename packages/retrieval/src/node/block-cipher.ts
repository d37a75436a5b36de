import { createCipheriv, createDecipheriv, type Decipher } from "node:crypto";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { CipherId, SealedBlock, SegmentSecret } from "@branchcache/content-info";
import {
  type BlockCipher,
  CIPHER_BLOCK_BYTES,
  canOpen,
  hasExactPadding,
  KEY_BYTES,
  sealedLengthBytes,
} from "../cipher.ts";

const NAMES = { 1: "aes-128-cbc", 2: "aes-192-cbc", 3: "aes-256-cbc" } as const;

interface Opener {
  readonly secret: SegmentSecret;
  readonly cipher: CipherId;
  readonly decipher: Decipher;
  /** What the decipher takes for the IV of what it is given next. */
  readonly chained: Uint8Array;
}

/** Blocks are freed so many at a time. */
const RELEASED_TOGETHER = 4;
/**
 * A buffer of this size is freed once, before the first blocks: the allocator of Linux gives what is freed back to the
 * system as soon as that is more than 128 KiB, and would do so, and ask for it again, for every block. From then on it
 * keeps twice this size, and what is larger has pages of its own, which go back when it is freed: buffers of megabytes
 * should.
 */
const FREED_FIRST_BYTES = 2 ** 20;

/** AES of `node:crypto`. */
export const nodeBlockCipher: BlockCipher = createNodeBlockCipher();

/** With memory of its own: what is released to one is not freed by another. */
export function createNodeBlockCipher(): BlockCipher {
  let last: Opener | undefined;
  let released: ArrayBuffer[] = [];
  let nowhere: MessagePort | undefined;
  /** A plaintext with its padding. */
  let padded = new Uint8Array(0);

  /**
   * In CBC mode what comes before a ciphertext only changes the first 16 bytes of the plaintext. So one decipher
   * serves all blocks of a segment one after another, and the end of the last ciphertext, which it takes for this
   * one's IV, is taken out again.
   */
  const decrypt = ({ cipher, data, iv }: SealedBlock, secret: SegmentSecret): Buffer => {
    if (last?.secret !== secret || last.cipher !== cipher) {
      const decipher = createDecipheriv(NAMES[cipher as 1 | 2 | 3], keyOf(secret, cipher), iv);
      // Without padding to check, `update` gives everything at once and `final` has nothing to say.
      decipher.setAutoPadding(false);
      last = { secret, cipher, decipher, chained: new Uint8Array(iv) };
    }
    const { chained, decipher } = last;
    const plaintext = decipher.update(data);
    if (data.length === 0) return plaintext;
    const end = data.length - CIPHER_BLOCK_BYTES;
    for (let i = 0; i < CIPHER_BLOCK_BYTES; i++) {
      plaintext[i]! ^= chained[i]! ^ iv[i]!;
      chained[i] = data[end + i]!;
    }
    return plaintext;
  };

  return {
    seal(plaintext, secret, cipher, random) {
      if (cipher === 0) return { cipher, iv: new Uint8Array(0), data: plaintext.slice() };
      const iv = random.bytes(CIPHER_BLOCK_BYTES);
      const aes = createCipheriv(NAMES[cipher], keyOf(secret, cipher), iv);
      // Padded here, all comes from `update` in one piece.
      aes.setAutoPadding(false);
      const sealedBytes = sealedLengthBytes(plaintext.length, cipher);
      if (padded.length < sealedBytes) padded = new Uint8Array(sealedBytes);
      padded.set(plaintext);
      padded.fill(sealedBytes - plaintext.length, plaintext.length, sealedBytes);
      return { cipher, iv, data: plain(aes.update(padded.subarray(0, sealedBytes))) };
    },

    open(sealed, secret, lengthBytes) {
      if (!canOpen(sealed, lengthBytes)) return undefined;
      const { cipher, data } = sealed;
      const decrypted = cipher === 0 ? new Uint8Array(data) : decrypt(sealed, secret);
      return {
        plaintext: new Uint8Array(decrypted.buffer, decrypted.byteOffset, lengthBytes),
        canonical: hasExactPadding(decrypted, lengthBytes, cipher),
      };
    },

    /**
     * V8 lets go of memory that is not its own only when it collects garbage, and collects all the more often the
     * more of it there is. What is transferred to a port that is closed is freed at once.
     */
    release({ buffer }) {
      if (!(buffer instanceof ArrayBuffer) || released.push(buffer) < RELEASED_TOGETHER) return;
      if (!nowhere) {
        nowhere = portToNowhere();
        released.push(new ArrayBuffer(FREED_FIRST_BYTES));
      }
      nowhere.postMessage(undefined, released);
      released = [];
    },
  };
}

function portToNowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.unref();
  return port1;
}

function keyOf(secret: SegmentSecret, cipher: CipherId): Uint8Array {
  return secret.subarray(0, KEY_BYTES[cipher]);
}

function plain({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}
