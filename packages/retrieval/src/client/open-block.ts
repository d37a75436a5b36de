/**
 * What stands between a peer's answer and everybody else: a block is decrypted and held against its hash here, and
 * nothing that fails gets any further. [MS-PCCRR] 3.1.5.3, 5.1, [MS-PCCRC] 2.2
 */
import {
  blockLengthBytes,
  type HashEngine,
  type SealedBlock,
  type Segment,
  verifyBlock,
} from "@branchcache/content-info";
import type { BlockCipher } from "../cipher.ts";

export type OpenedAnswer =
  | {
      readonly kind: "block";
      /** Verified plaintext, owned by the caller. */
      readonly bytes: Uint8Array;
      /** The ciphertext's length and padding are exact: it is fit to be stored as it came. */
      readonly canonical: boolean;
    }
  /** It cannot be decrypted: too short, no whole cipher blocks, no IV. */
  | { readonly kind: "nonsense" }
  /** It is not what its hash says: whoever sent it lied. */
  | { readonly kind: "lie" };

/** `sealed`: as it came; its bytes are only read. */
export function openBlock(
  sealed: SealedBlock,
  segment: Segment,
  blockIndex: number,
  cipher: BlockCipher,
  engine: HashEngine,
): OpenedAnswer {
  const opened = cipher.open(sealed, segment.secret, blockLengthBytes(segment, blockIndex));
  if (!opened) return { kind: "nonsense" };
  const { canonical, plaintext } = opened;
  if (!verifyBlock(segment, blockIndex, plaintext, engine)) return { kind: "lie" };
  return { kind: "block", bytes: plaintext, canonical };
}
