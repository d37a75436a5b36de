/** How operations become calls of the service. */
import { type ServiceCall, TRANSFER_MAX_BYTES } from "../service/calls.ts";
import type { Plan } from "./instance.ts";

export function oneCall(make: (operation: number) => ServiceCall): Plan {
  let sent = false;
  return {
    next(operation) {
      if (sent) return undefined;
      sent = true;
      return make(operation);
    },
  };
}

/** What is read goes into the caller's buffer. */
export function reading(buffer: Uint8Array, make: (operation: number) => ServiceCall): Plan {
  return { ...oneCall(make), into: buffer };
}

export interface Piece {
  readonly operation: number;
  readonly bytes: Uint8Array;
  /** Where it lies in the buffer. */
  readonly at: number;
  readonly moreBytes: number;
}

/** A buffer of any length, in pieces, each sent when the one before was taken. */
export function writing(buffer: Uint8Array, make: (piece: Piece) => ServiceCall): Plan {
  let at = 0;
  return {
    next(operation) {
      if (at >= buffer.length) return undefined;
      const bytes = buffer.subarray(at, at + TRANSFER_MAX_BYTES);
      const piece = { operation, bytes, at, moreBytes: buffer.length - at - bytes.length };
      at += bytes.length;
      return make(piece);
    },
  };
}
