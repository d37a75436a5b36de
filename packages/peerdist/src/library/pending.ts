/** Operations as their caller sees them: an OVERLAPPED that is busy, and how its end is told. */
import type { CompletionPort } from "../win32/completion-port.ts";
import {
  ERROR_INVALID_PARAMETER,
  ERROR_IO_INCOMPLETE,
  ERROR_SUCCESS,
  ERROR_TIMEOUT,
  PEERDIST_ERROR_MISSING_DATA,
} from "../win32/errors.ts";
import { type ManualResetEvent, type Overlapped, STATUS_PENDING } from "../win32/overlapped.ts";

export interface Delivery {
  readonly port: CompletionPort | undefined;
  readonly key: unknown;
}

export interface Result {
  readonly error: number;
  readonly bytes: number;
  readonly offset?: number;
}

interface State {
  result: Result | undefined;
  readonly done: Promise<Result>;
}

/** The last operation of each OVERLAPPED; of all instances, since one may not serve two at a time. */
const states = new WeakMap<Overlapped, State>();

/** A handle, as far as its operations go. */
export interface OperationHolder {
  /** In hexadecimal; of publications. */
  readonly identifier: string | undefined;
  readonly operations: Set<PendingOperation>;
}

export class PendingOperation {
  readonly overlapped: Overlapped;
  readonly done: Promise<Result>;
  /** Undefined for operations that need no handle. */
  readonly owner: OperationHolder | undefined;
  readonly #groups: readonly Set<PendingOperation>[];
  /** Its number at the service, which changes with each piece of a long buffer. */
  id = 0;
  cancelRequested = false;
  readonly #delivery: Delivery;
  readonly #event: ManualResetEvent | undefined;
  readonly #state: State;
  readonly #before: { readonly state: State | undefined; readonly internal: number; readonly high: number };
  #resolve: (result: Result) => void = () => {};

  constructor(
    overlapped: Overlapped,
    delivery: Delivery,
    all: Set<PendingOperation>,
    owner?: OperationHolder,
  ) {
    this.overlapped = overlapped;
    this.owner = owner;
    this.#groups = owner ? [all, owner.operations] : [all];
    for (const group of this.#groups) group.add(this);
    this.#delivery = delivery;
    this.#event = overlapped.hEvent;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { Internal: internal, InternalHigh: high } = overlapped;
    this.#before = { state: states.get(overlapped), internal, high };
    this.#state = { result: undefined, done: this.done };
    states.set(overlapped, this.#state);
    overlapped.Internal = STATUS_PENDING;
    this.#event?.reset();
  }

  get ended(): boolean {
    return this.#state.result !== undefined;
  }

  /** It was not accepted: no trace of it stays, and nothing is told. */
  withdraw(error: number): void {
    const { state, internal, high } = this.#before;
    if (state) states.set(this.overlapped, state);
    else states.delete(this.overlapped);
    this.overlapped.Internal = internal;
    this.overlapped.InternalHigh = high;
    this.#leave();
    this.#resolve({ error, bytes: 0 });
  }

  /** Once; what comes later is ignored. */
  complete(result: Result): void {
    if (this.ended) return;
    const { overlapped } = this;
    const { error, bytes, offset } = result;
    this.#state.result = result;
    overlapped.Internal = error;
    overlapped.InternalHigh = bytes;
    const tellsWhere =
      error === ERROR_SUCCESS || error === PEERDIST_ERROR_MISSING_DATA || error === ERROR_TIMEOUT;
    if (tellsWhere && offset !== undefined) overlapped.offset = BigInt(offset);
    this.#leave();
    const { port, key } = this.#delivery;
    if (this.#event) this.#event.set();
    else port?.post({ ok: error === ERROR_SUCCESS, key, overlapped, bytesTransferred: bytes, error });
    this.#resolve(result);
  }

  #leave(): void {
    for (const group of this.#groups) group.delete(this);
  }
}

export function isPending(overlapped: Overlapped): boolean {
  const state = states.get(overlapped);
  return state !== undefined && !state.result;
}

/** What became of the last operation; undefined while it is pending. */
export function resultOf(overlapped: Overlapped): Result | undefined {
  const state = states.get(overlapped);
  return state ? state.result : { error: ERROR_INVALID_PARAMETER, bytes: 0 };
}

export async function waitFor(overlapped: Overlapped): Promise<Result> {
  return states.get(overlapped)?.done ?? { error: ERROR_INVALID_PARAMETER, bytes: 0 };
}

/** What GetLastError says after a result query. */
export function lastError(overlapped: Overlapped): number {
  return resultOf(overlapped)?.error ?? ERROR_IO_INCOMPLETE;
}
