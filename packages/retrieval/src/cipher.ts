/** Block encryption: AES in CBC mode under the leading bytes of the segment's secret. [MS-PCCRR] 2.2.3, 5.1 */
import type { CipherId, SealedBlock, SegmentSecret } from "@branchcache/content-info";
import type { Random } from "@branchcache/runtime";

export interface OpenedBlock {
  /** Owned by the caller, exactly as long as was asked for. */
  readonly plaintext: Uint8Array;
  /** The ciphertext has the exact length and PKCS#7 padding that `seal` would have given it. */
  readonly canonical: boolean;
}

export interface BlockCipher {
  /** Encrypts with PKCS#7 padding under a fresh IV; cipher 0 copies the plaintext. Owned by the caller. */
  seal(plaintext: Uint8Array, secret: SegmentSecret, cipher: CipherId, random: Random): SealedBlock;
  /**
   * Decrypts and cuts to `lengthBytes`; whatever follows is not looked at, since senders differ in padding.
   * Undefined if that cannot be: no IV of 16 bytes, ciphertext that is no multiple of 16 or too short.
   */
  open(sealed: SealedBlock, secret: SegmentSecret, lengthBytes: number): OpenedBlock | undefined;
  /**
   * Nobody looks any more at a plaintext that `open` gave, or the data that `seal` gave: frees its memory now instead
   * of at the next garbage collection. Whoever looks all the same finds it empty.
   */
  release?(bytes: Uint8Array): void;
}

/** An AES block, and so an IV. */
export const CIPHER_BLOCK_BYTES = 16;

/** Bytes of the secret that make the key. [MS-PCCRR] 2.2.3 */
export const KEY_BYTES: Readonly<Record<CipherId, number>> = { 0: 0, 1: 16, 2: 24, 3: 32 };

/** Bytes of ciphertext for that many bytes of plaintext. */
export function sealedLengthBytes(plaintextBytes: number, cipher: CipherId): number {
  if (cipher === 0) return plaintextBytes;
  return plaintextBytes + CIPHER_BLOCK_BYTES - (plaintextBytes % CIPHER_BLOCK_BYTES);
}

/** Whether a sealed block can hold `lengthBytes` of plaintext at all. */
export function canOpen(sealed: SealedBlock, lengthBytes: number): boolean {
  if (sealed.data.length < lengthBytes) return false;
  if (sealed.cipher === 0) return true;
  return sealed.iv.length === CIPHER_BLOCK_BYTES && sealed.data.length % CIPHER_BLOCK_BYTES === 0;
}

/** Whether everything after `lengthBytes` of what was decrypted is PKCS#7 padding of one block at most. */
export function hasExactPadding(decrypted: Uint8Array, lengthBytes: number, cipher: CipherId): boolean {
  if (decrypted.length !== sealedLengthBytes(lengthBytes, cipher)) return false;
  const padding = decrypted.length - lengthBytes;
  for (let i = lengthBytes; i < decrypted.length; i++) if (decrypted[i] !== padding) return false;
  return true;
}
