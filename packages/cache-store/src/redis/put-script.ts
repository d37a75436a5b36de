/** Sends a block, facts or both to a segment, if it is still what the sender knows. */
import { BLOCK_HEADER_BYTES } from "../node/encodings.ts";
import type { Connection, Fields } from "./connection.ts";
import type { Head } from "./segment-codec.ts";

/** Others may change a segment between a decision and its execution; more often than this in a row they do not. */
export const MOST_ATTEMPTS = 8;

export const NO_BYTES = new Uint8Array(0);

export interface PutRequest {
  /** Of head and facts as the sender knows them; empty for a segment that is not there. */
  readonly version: Uint8Array;
  /** New ones; both empty: they stay. */
  readonly head: Head;
  readonly block?: {
    readonly index: number;
    readonly value: Uint8Array;
    readonly isVerified: boolean;
    readonly usedMs: number;
    /** Time to live of a segment that is new. */
    readonly leftMs: number;
    /** Of a bitmap of the segment's blocks. */
    readonly bitmapBytes: number;
  };
}

export type PutReply =
  | { readonly kind: "stored"; readonly isNewSegment: boolean }
  /** No block was sent, or it is held already; facts are written. */
  | { readonly kind: "held" }
  /** The segment is another one: head, facts, held, verified, pins. Nothing is written. */
  | { readonly kind: "changed"; readonly fields: Fields };

/** Throws as `Connection.run`. */
export async function runPut(
  connection: Connection,
  key: string,
  { version, head, block }: PutRequest,
): Promise<PutReply> {
  const reply = (await connection.run(
    "PUT",
    key,
    version,
    head.head,
    head.facts,
    block?.index ?? 0,
    block?.value ?? NO_BYTES,
    block?.isVerified ? 1 : 0,
    block?.usedMs ?? 0,
    block?.leftMs ?? 1,
    block?.bitmapBytes ?? 0,
    BLOCK_HEADER_BYTES,
  )) as [0, ...Fields] | [1, 0 | 1] | [2];
  if (reply[0] === 2) return { kind: "held" };
  if (reply[0] === 1) return { kind: "stored", isNewSegment: reply[1] === 1 };
  const [, ...fields] = reply;
  return { kind: "changed", fields };
}
