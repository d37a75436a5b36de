/** The shapes that the other packages share: what a Content Information says once it is read. */

declare const kind: unique symbol;
/** Bytes that must not be swapped for another kind; plain bytes are accepted. */
type Kind<K extends string> = Uint8Array & { readonly [kind]?: K };

/** HoHoDk: public, names a segment among peers; 32, 48 or 64 bytes. [MS-PCCRC] 2.2 */
export type SegmentId = Kind<"SegmentId">;
/** Kp, which is also the encryption key Ke; as secret as the content. [MS-PCCRC] 2.2 */
export type SegmentSecret = Kind<"SegmentSecret">;
/** HoD. [MS-PCCRC] 2.2 */
export type HashOfData = Kind<"HashOfData">;
/** The hash of one block; for version 2.0 the hash of data of the segment, its only block. */
export type BlockHash = Kind<"BlockHash">;

export type ContentInformationVersion = 1 | 2;

/** The last is SHA-512 cut to its first 32 bytes, the only one of version 2.0. */
export type HashAlgorithm = "sha256" | "sha384" | "sha512" | "sha512-truncated";

/** From `startBytes` up to, but not including, `endBytes`, counted from the start of the content. */
export interface ContentRange {
  readonly startBytes: number;
  readonly endBytes: number;
}

export interface Segment {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  readonly id: SegmentId;
  readonly secret: SegmentSecret;
  readonly hashOfData: HashOfData;
  /** Where it starts in the content. */
  readonly offsetBytes: number;
  /** All of it, whatever part the range covers. */
  readonly lengthBytes: number;
  /** 65,536 in version 1.0; the segment's own length in version 2.0, where it is one block. */
  readonly blockSizeBytes: number;
  /** Index of the block that `blockHashes[0]` belongs to. */
  readonly firstBlockIndex: number;
  /**
   * Of the blocks that the range touches at least, in order: a server may list blocks round them too. In version
   * 2.0 always `[hashOfData]`.
   */
  readonly blockHashes: readonly BlockHash[];
}

export interface ContentInformation {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  /** The part of the content that it is about. */
  readonly range: ContentRange;
  /** In content order, contiguous. */
  readonly segments: readonly Segment[];
}

/** [MS-PCCRR] 2.2.3 CryptoAlgoId: none, AES-128, AES-192, AES-256, all in CBC mode. */
export type CipherId = 0 | 1 | 2 | 3;

/** A block as it lies in a store and travels between peers. */
export interface SealedBlock {
  readonly cipher: CipherId;
  /** 16 bytes, or none with cipher 0. */
  readonly iv: Uint8Array;
  /** Ciphertext with PKCS#7 padding; plaintext with cipher 0. */
  readonly data: Uint8Array;
}
