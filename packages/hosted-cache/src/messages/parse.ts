/** Reading what came in an HTTP body: header first, then the body that version and type name. */
import type { SegmentId } from "@branchcache/content-info";
import { ByteReader, decode } from "@branchcache/runtime";
import {
  CONTENT_TAG_BYTES,
  MAX_REQUEST_BYTES_V1,
  MAX_REQUEST_BYTES_V2,
  REQUEST_HEADER_BYTES,
} from "../limits.ts";
import { batchedOffer, type SegmentDescriptor } from "./batched-offer.ts";
import { MESSAGE_TYPES, type OfferVersion, requestHeader } from "./header.ts";
import { initialOffer } from "./initial-offer.ts";
import { segmentInfo } from "./segment-info.ts";

/**
 * A request that was read. `port` is the TCP port at which the client serves its blocks, at the address that the
 * request came from. [MS-PCHC] 2.2.1
 */
export type OfferRequest =
  | { readonly kind: "initialOffer"; readonly port: number; readonly segmentId: SegmentId }
  | {
      readonly kind: "segmentInfo";
      readonly port: number;
      /** Both undefined where the body is too short for them, which is no reason to drop the message. */
      readonly contentTag: Uint8Array | undefined;
      readonly information: Uint8Array | undefined;
    }
  | { readonly kind: "batchedOffer"; readonly port: number; readonly segments: readonly SegmentDescriptor[] };

/**
 * Reads a request that came over the transport of this version. Byte fields are views of it. Throws
 * `DecodeError` for what is to be dropped. [MS-PCHC] 3.1.5.4
 */
export function parseOfferRequest(bytes: Uint8Array, version: OfferVersion): OfferRequest {
  const reader = new ByteReader(bytes, "REQUEST_MESSAGE");
  const limit = version === 1 ? MAX_REQUEST_BYTES_V1 : MAX_REQUEST_BYTES_V2;
  if (bytes.length > limit)
    reader.fail("BC_DECODE_LIMIT", `${bytes.length} bytes, at most ${limit} allowed`, 0);
  const { majorVersion, port, type } = requestHeader.read(reader);
  if (majorVersion !== version) {
    reader.fail("BC_DECODE_VALUE", `version ${majorVersion} where ${version} belongs`, 1);
  }
  if ((type === MESSAGE_TYPES.batchedOffer) !== (version === 2)) {
    reader.fail("BC_DECODE_VALUE", `message type ${type} in version ${version}`, 2);
  }
  switch (type) {
    case MESSAGE_TYPES.initialOffer:
      return { kind: "initialOffer", port, segmentId: decode(initialOffer, bytes).segmentId };
    case MESSAGE_TYPES.segmentInfo: {
      if (bytes.length < REQUEST_HEADER_BYTES + CONTENT_TAG_BYTES) {
        return { kind: "segmentInfo", port, contentTag: undefined, information: undefined };
      }
      const { contentTag, information } = decode(segmentInfo, bytes);
      return { kind: "segmentInfo", port, contentTag, information };
    }
    case MESSAGE_TYPES.batchedOffer:
      return { kind: "batchedOffer", port, segments: decode(batchedOffer, bytes).segments };
  }
}
