/**
 * What passes between the functions in the caller's process and the service, in process or over a socket.
 * Offsets are safe integers; handles and operations are numbers, good for one connection.
 */
import type { PEERDIST_STATUS } from "../win32/constants.ts";

/**
 * One call of the service, by `method`; `handle` and `operation` are numbers of this connection, operations chosen
 * by the caller.
 */
export type ServiceCall =
  | { readonly method: "publishStream"; readonly identifier: Uint8Array; readonly lengthBytes: number }
  | {
      readonly method: "addToStream";
      readonly handle: number;
      readonly operation: number;
      readonly bytes: Uint8Array;
      /** Bytes of the same call of the API that are still to come. */
      readonly moreBytes: number;
      /** Not the first piece of that call. */
      readonly continued: boolean;
    }
  | { readonly method: "completeStream"; readonly handle: number; readonly operation: number }
  | { readonly method: "unpublish"; readonly identifier: Uint8Array }
  | {
      readonly method: "openContentInformation";
      readonly identifier: Uint8Array;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
      /** Absent: the caller did not say what its client can take. */
      readonly versions?: { readonly min: number; readonly max: number };
    }
  | {
      readonly method: "retrieveContentInformation";
      readonly handle: number;
      readonly operation: number;
      readonly maxBytes: number;
    }
  | { readonly method: "openContent"; readonly tag: Uint8Array }
  | {
      readonly method: "addContentInformation";
      readonly handle: number;
      readonly operation: number;
      readonly bytes: Uint8Array;
    }
  | { readonly method: "completeContentInformation"; readonly handle: number; readonly operation: number }
  | {
      readonly method: "addData";
      readonly handle: number;
      readonly operation: number;
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly method: "blockRead" | "streamRead";
      readonly handle: number;
      readonly operation: number;
      /** Of no meaning to `streamRead`. */
      readonly offsetBytes: number;
      readonly maxBytes: number;
      readonly timeoutMs: number;
    }
  | { readonly method: "clientInformation"; readonly handle: number }
  | { readonly method: "close"; readonly handle: number }
  | { readonly method: "flush"; readonly tag: Uint8Array; readonly operation: number }
  | { readonly method: "cancel"; readonly operation: number };

export type Method = ServiceCall["method"];

/** `code` is what the function returns; `value` a new handle, or the answer of `clientInformation` as 0 or 1. */
export interface ServiceReturn {
  readonly code: number;
  readonly value?: number;
}

/** The end of an operation; `error` is one of the API's numbers, ERROR_SUCCESS for a good end. */
export interface OperationCompletion {
  /** The number that the caller chose for it. */
  readonly operation: number;
  readonly error: number;
  /** Transferred, or the length of a missing range. */
  readonly bytes: number;
  /** Of what was read, or of the missing range, from the start of the content in bytes. */
  readonly offset?: number;
  /** What was read, in pieces, `bytes` of it together; absent where it lies in its place (`placeFor`) already. */
  readonly data?: readonly Uint8Array[];
  /** To be called when `data` is not needed any more, so that its memory is used again. It may be left uncalled. */
  readonly release?: () => void;
}

/** State of the service; lowest and highest version of Content Information to ask content servers for, 1 or 2. */
export interface StatusReport {
  readonly status: PEERDIST_STATUS;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** A connection's events, in the order in which the service made them. */
export interface ConnectionEvents {
  /** Called once for each accepted operation. A promise that it returns is awaited before more is sent. */
  completed(completion: OperationCompletion): void | Promise<void>;
  /** Called before the first call can be made, and on each change. */
  status(report: StatusReport): void;
  /** The service is gone, and all handles and operations with it. Not called after `close`. */
  lost(): void;
}

/** What a caller takes: the connection's events, and places for what is read. */
export interface CallerEvents extends ConnectionEvents {
  /**
   * Memory of exactly `lengthBytes` for what the operation has read, into which a transport writes what it receives; the
   * completion of the operation follows. Undefined if nobody waits for it.
   */
  placeFor(operation: number, lengthBytes: number): Uint8Array | undefined;
}

/** The caller's end of a connection. Handles and operations live no longer than it. */
export interface ServiceConnection {
  /** Calls are taken in the order in which they are made. Rejects when the connection is lost. */
  call(call: ServiceCall): ServiceReturn | Promise<ServiceReturn>;
  /** Pending operations complete first; publications made through the connection are removed. Twice is harmless. */
  close(): Promise<void>;
}

/** The service's end of a connection, from `PeerDistService.open`: it returns from a call at once. */
export interface ServiceSession extends ServiceConnection {
  call(call: ServiceCall): ServiceReturn;
}

/** The way to a service: `inProcess`, or `daemon` of `./node`. */
export interface PeerDistTransport {
  /** A connection of its own for each instance. Rejects where the service cannot be reached. */
  connect(events: CallerEvents): Promise<ServiceConnection>;
}

/** The most bytes that one call or completion carries: longer buffers take several calls, and reads give no more. */
export const TRANSFER_MAX_BYTES = 262_144;
