/** One operation as a promise. */
import type { PeerDistFunctions } from "../library/functions.ts";
import { ERROR_IO_PENDING, ERROR_SUCCESS, PeerDistError } from "../win32/errors.ts";
import { Overlapped } from "../win32/overlapped.ts";
import type { Out } from "../win32/types.ts";

/**
 * How an operation ended: the API's number, bytes transferred (or of the missing range), and their offset in
 * bytes.
 */
export interface OperationEnd {
  readonly error: number;
  readonly bytes: number;
  readonly offset: number;
}

/** Throws for a call that failed. */
export function expectSuccess(code: number, what: string): void {
  if (code !== ERROR_SUCCESS) throw new PeerDistError(code, what);
}

export interface OperationOptions {
  readonly offset?: number;
  readonly signal?: AbortSignal | undefined;
  readonly cancel?: (overlapped: Overlapped) => Promise<number>;
}

/** Waits for the end, whatever it is. An aborted operation is cancelled, and rejects with `signal.reason`. */
export async function operate(
  api: PeerDistFunctions,
  what: string,
  submit: (overlapped: Overlapped) => Promise<number>,
  { offset = 0, signal, cancel }: OperationOptions = {},
): Promise<OperationEnd> {
  signal?.throwIfAborted();
  const overlapped = new Overlapped({ offset });
  const code = await submit(overlapped);
  if (code !== ERROR_IO_PENDING) throw new PeerDistError(code, what);
  const onAbort = () => void cancel?.(overlapped);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  const bytes: Out<number> = {};
  try {
    await api.PeerDistGetOverlappedResult(overlapped, bytes, true);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  const error = api.GetLastError(overlapped);
  if (error !== ERROR_SUCCESS) signal?.throwIfAborted();
  return { error, bytes: bytes.value ?? 0, offset: Number(overlapped.offset) };
}

/** As `operate`; throws for an operation that failed. */
export async function succeed(...args: Parameters<typeof operate>): Promise<OperationEnd> {
  const ended = await operate(...args);
  expectSuccess(ended.error, args[1]);
  return ended;
}

/** A value that an out parameter must have after a success. */
export async function out<T>(what: string, call: (box: Out<T>) => Promise<number>): Promise<T> {
  const box: Out<T> = {};
  expectSuccess(await call(box), what);
  if (box.value === undefined) throw new TypeError(`${what} gave no value`);
  return box.value;
}
