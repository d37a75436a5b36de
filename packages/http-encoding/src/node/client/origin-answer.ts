/** What an origin answered to a GET that offered the coding. */
import type { ContentRange } from "@branchcache/content-info";
import type { HeaderFields } from "../../http-fields.ts";
import type { Validator } from "./validator.ts";

/**
 * An answer of status 200 or 206: Content Information, read whole, or content, whose body is still to be read.
 * `finalUrl` is the URL after redirects; `headers` are the answer's, names in lower case.
 */
export type OriginAnswer =
  | {
      readonly kind: "content-information";
      /** One blob of [MS-PCCRC] 2.3 or 2.4, not yet parsed; owned by the caller. */
      readonly bytes: Uint8Array;
      /** Of the content, or of the part of it that was asked for. */
      readonly contentLengthBytes: number;
      /** Undefined: all of the content. */
      readonly range?: ContentRange;
      /** ETag, date and size, to compare later answers with. */
      readonly validator: Validator;
      readonly finalUrl: string;
      readonly headers: HeaderFields;
    }
  | {
      readonly kind: "content";
      /** To be read once. Fails with `BC_ORIGIN_CLOSED` if it is not as long as announced. */
      readonly body: AsyncIterable<Uint8Array>;
      /** Of the body; undefined where the server did not tell. */
      readonly lengthBytes?: number;
      /** Undefined: all of the content. */
      readonly range?: ContentRange;
      readonly validator?: Validator;
      /** The server wants to be asked again, for hashes it is making now. */
      readonly makeHashRequest: boolean;
      readonly finalUrl: string;
      readonly headers: HeaderFields;
      /** Lets go of a body that is not wanted. */
      discard(): void;
    };
