/** How a message is put together: header, body, and in responses a Size in front. */
import type { CipherId } from "@branchcache/content-info";
import { ByteWriter, EncodeError, type Layout } from "@branchcache/runtime";
import { HEADER_BYTES, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, SIZE_PREFIX_BYTES } from "../limits.ts";
import { messageHeader } from "./header.ts";

/**
 * One of the eight messages of [MS-PCCRR] 2.2.4 and 2.2.5: its place in the header, and layouts of its body, whose
 * values are `T`.
 */
export interface MessageKind<T> {
  /** As the document has it: `MSG_GETBLKS`. */
  readonly name: string;
  /** MsgType, 0 to 7. */
  readonly type: number;
  readonly direction: "request" | "response";
  /** Of the version in which the type was defined, whatever the sender's highest is. [MS-PCCRR] 1.7 */
  readonly major: 1 | 2;
  /** The body as it may come from others. */
  readonly body: Layout<T>;
  /** The body as we may send it, where that is stricter. */
  readonly sentBody: Layout<T>;
}

/** What a message of this kind carries. */
export type MessageBody<K> = K extends MessageKind<infer T> ? T : never;

export function messageKind<T>(
  kind: Omit<MessageKind<T>, "sentBody"> & { readonly sentBody?: Layout<T> },
): MessageKind<T> {
  return { sentBody: kind.body, ...kind };
}

/**
 * The bytes that go into the HTTP body; a response starts with its Size. [MS-PCCRR] 2.1.1
 * Throws `EncodeError` for a value that may not be sent, or a message over its limit.
 */
export function encodeMessage<T>(kind: MessageKind<T>, cipher: CipherId, value: T): Uint8Array {
  const sizeBytes = HEADER_BYTES + kind.sentBody.size(value);
  const response = kind.direction === "response";
  const limit = response ? MAX_RESPONSE_BYTES : MAX_REQUEST_BYTES;
  if (sizeBytes > limit) throw new EncodeError(kind.name, "", `${sizeBytes} bytes, at most ${limit} allowed`);
  const prefixBytes = response ? SIZE_PREFIX_BYTES : 0;
  const writer = new ByteWriter(prefixBytes + sizeBytes, kind.name);
  if (response) writer.view.setUint32(writer.take(prefixBytes), sizeBytes);
  messageHeader.write(writer, {
    version: { minor: 0, major: kind.major },
    type: kind.type,
    sizeBytes,
    cipher,
  });
  kind.sentBody.write(writer, value);
  return writer.bytes;
}
