/** The shapes that the other packages share: what a Content Information says once it is read. */

declare const kind: unique symbol;
/** Bytes that must not be swapped for another kind; plain bytes are accepted. */
export type BytesOfKind<K extends string> = Uint8Array & { readonly [kind]?: K };

/** HoHoDk: public, names a segment among peers; 32, 48 or 64 bytes. [MS-PCCRC] 2.2 */
export type SegmentId = BytesOfKind<"SegmentId">;
/** Kp, which is also the encryption key Ke; as secret as the content. [MS-PCCRC] 2.2 */
export type SegmentSecret = BytesOfKind<"SegmentSecret">;
/** HoD. [MS-PCCRC] 2.2 */
export type HashOfData = BytesOfKind<"HashOfData">;
/** The hash of one block; for version 2.0 the hash of data of the segment, its only block. */
export type BlockHash = BytesOfKind<"BlockHash">;

/**
 * The major version of the wire format: 1 for 1.0 ([MS-PCCRC] 2.3: blocks of 64 KiB in segments of 32 MiB), 2 for
 * 2.0 (2.4: segments of up to 128 KiB, each one block).
 */
export type ContentInformationVersion = 1 | 2;

/** `sha512-truncated`, the first 32 bytes of SHA-512, is that of version 2.0; the others are those of version 1.0. */
export type HashAlgorithm = "sha256" | "sha384" | "sha512" | "sha512-truncated";

/** From `startBytes` up to, but not including, `endBytes`, counted from the start of the content. */
export interface ContentRange {
  /** Offset of the first byte. */
  readonly startBytes: number;
  /** Offset behind the last byte. */
  readonly endBytes: number;
}

/**
 * One segment of a content, as Content Information describes it: its place, its hashes and the two keys derived of
 * them. Byte arrays may be views of what was read and must not be written to. [MS-PCCRC] 2.2, 2.3.1.1, 2.4.1.2
 */
export interface Segment {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  /** HoHoDk; as long as the algorithm's hashes. */
  readonly id: SegmentId;
  /** Kp; as long as the algorithm's hashes. Never log it. */
  readonly secret: SegmentSecret;
  /** HoD: in version 1.0 the hash of the segment's block hashes, in version 2.0 the hash of its bytes. */
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

/**
 * What a blob of Content Information says: which bytes of a content it covers, and the segments that hold them. As
 * secret as the content itself, since the segments' secrets are in it. [MS-PCCRC] 2.3, 2.4
 */
export interface ContentInformation {
  readonly version: ContentInformationVersion;
  readonly algorithm: HashAlgorithm;
  /** The part of the content that it is about. */
  readonly range: ContentRange;
  /** In content order, without gaps: the first holds the range's first byte, the last its last. */
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
