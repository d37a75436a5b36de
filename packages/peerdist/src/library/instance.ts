/** One instance: its connection to the service, its handles, its pending operations. */
import { type CancelTimer, type Clock, errorCode } from "@branchcache/runtime";
import type {
  OperationCompletion,
  PeerDistTransport,
  ServiceCall,
  ServiceConnection,
  ServiceReturn,
} from "../service/calls.ts";
import { PEERDIST_STATUS } from "../win32/constants.ts";
import {
  ERROR_IO_PENDING,
  ERROR_NOT_ENOUGH_QUOTA,
  ERROR_OPERATION_ABORTED,
  ERROR_SUCCESS,
  PEERDIST_ERROR_INVALIDATED,
  PEERDIST_ERROR_OPERATION_NOTFOUND,
  PEERDIST_ERROR_SERVICE_UNAVAILABLE,
} from "../win32/errors.ts";
import type { Overlapped } from "../win32/overlapped.ts";
import { type Delivery, type OperationHolder, PendingOperation } from "./pending.ts";
import { StatusWatch } from "./status-watch.ts";

/** How one operation of the API becomes calls of the service. */
export interface Plan {
  /** Undefined: nothing more to send. The first is never undefined. */
  next(operation: number): ServiceCall | undefined;
  /** What is read goes there. */
  readonly into?: Uint8Array;
}

/** How the service is reached, `inProcess` or `daemon`, and the clock by which a lost one is looked for again. */
export interface PeerDistOptions {
  /** The way to the service. */
  readonly transport: PeerDistTransport;
  /** Times the search for a lost service. */
  readonly clock: Clock;
}

/** How often a service that is gone is looked for while somebody waits for its return. */
const RECONNECT_MS = 1_000;

interface Running {
  readonly operation: PendingOperation;
  readonly plan: Plan;
  bytes: number;
}

export class Instance {
  readonly status = new StatusWatch();
  /** All of this instance. */
  readonly operations = new Set<PendingOperation>();
  /** Handles of an earlier one died when the service went disabled or unavailable. */
  generation = 0;
  closing = false;
  closed = false;
  readonly #options: PeerDistOptions;
  readonly #running = new Map<number, Running>();
  #connection: ServiceConnection | undefined;
  #connecting: Promise<ServiceConnection | undefined> | undefined;
  #nextOperation = 1;
  #cancelReconnect: CancelTimer | undefined;
  /** What calls return while there is no connection. */
  #refusal: number = PEERDIST_ERROR_SERVICE_UNAVAILABLE;

  constructor(options: PeerDistOptions) {
    this.#options = options;
  }

  /** The connection that handles of now belong to; undefined while there is none. */
  get connection(): ServiceConnection | undefined {
    return this.#connection;
  }

  /** Connects where there is no connection; undefined where nobody answers. */
  connect(): Promise<ServiceConnection | undefined> {
    if (this.#connection || this.closed) return Promise.resolve(this.#connection);
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  call(call: ServiceCall): Promise<ServiceReturn> {
    return this.#connection ? callOn(this.#connection, call) : this.open(call);
  }

  /** As `call`, for what gives a handle: with the connection that it is good for. */
  async open(call: ServiceCall): Promise<ServiceReturn & { readonly connection?: object }> {
    const connection = this.#connection ?? (await this.connect());
    return connection ? { ...(await callOn(connection, call)), connection } : { code: this.#refusal };
  }

  /** What the function returns: ERROR_IO_PENDING, or why there is no operation. */
  async submit(
    overlapped: Overlapped,
    delivery: Delivery,
    plan: Plan,
    owner?: OperationHolder,
  ): Promise<number> {
    const operation = new PendingOperation(overlapped, delivery, this.operations, owner);
    const running: Running = { operation, plan, bytes: 0 };
    const code = await this.#send(running);
    if (code === ERROR_IO_PENDING || operation.ended) return ERROR_IO_PENDING;
    operation.withdraw(code);
    return code;
  }

  /** ERROR_SUCCESS if it was cancelled, ERROR_OPERATION_NOTFOUND if it had ended. */
  async cancel(operation: PendingOperation): Promise<number> {
    if (operation.ended) return PEERDIST_ERROR_OPERATION_NOTFOUND;
    operation.cancelRequested = true;
    await this.call({ method: "cancel", operation: operation.id });
    // Where the service did not find it, it has just ended, or is between two pieces of a long buffer.
    const { error } = await operation.done;
    return error === ERROR_OPERATION_ABORTED ? ERROR_SUCCESS : PEERDIST_ERROR_OPERATION_NOTFOUND;
  }

  async close(): Promise<void> {
    this.closing = true;
    this.#cancelReconnect?.();
    this.status.cancel();
    await this.#connecting;
    await this.#connection?.close().catch(() => {});
    this.closed = true;
    this.#connection = undefined;
    this.#endAll(ERROR_OPERATION_ABORTED);
  }

  /** As long as somebody waits for a status, a service that is gone is looked for. */
  watchForReturn(): void {
    this.#cancelReconnect?.();
    this.#cancelReconnect = undefined;
    if (this.#connection || this.closing || !this.status.registered) return;
    this.#cancelReconnect = this.#options.clock.after(RECONNECT_MS, () => {
      void this.connect().then(() => this.watchForReturn());
    });
  }

  async #open(): Promise<ServiceConnection | undefined> {
    let connection: ServiceConnection | undefined;
    let lost = false;
    try {
      connection = await this.#options.transport.connect({
        completed: (completion) => this.#completed(completion),
        placeFor: (operation, lengthBytes) => {
          const into = this.#running.get(operation)?.plan.into;
          // Of memory that its owner has given away meanwhile nothing is left.
          return into && into.length >= lengthBytes ? into.subarray(0, lengthBytes) : undefined;
        },
        status: (report) => {
          if (report.status !== PEERDIST_STATUS.AVAILABLE) this.generation++;
          this.status.set(report);
        },
        lost: () => {
          lost = true;
          if (connection && connection === this.#connection) this.#lost();
        },
      });
    } catch (error) {
      const isLimit = errorCode(error) === "BC_API_LIMIT";
      this.#refusal = isLimit ? ERROR_NOT_ENOUGH_QUOTA : PEERDIST_ERROR_SERVICE_UNAVAILABLE;
      this.status.lost();
    }
    if (!lost) this.#connection = connection;
    return this.#connection;
  }

  #lost(): void {
    this.#connection = undefined;
    this.#endAll(this.closing ? ERROR_OPERATION_ABORTED : PEERDIST_ERROR_INVALIDATED);
    this.status.lost();
    this.watchForReturn();
  }

  #endAll(error: number): void {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const { operation } of running) operation.complete({ error, bytes: 0 });
  }

  async #send(running: Running): Promise<number> {
    const id = this.#nextOperation++;
    const call = running.plan.next(id);
    if (!call) return ERROR_SUCCESS;
    running.operation.id = id;
    this.#running.set(id, running);
    const { code } = await this.call(call);
    if (code !== ERROR_IO_PENDING) this.#running.delete(id);
    return code;
  }

  #completed(completion: OperationCompletion): void {
    const running = this.#running.get(completion.operation);
    if (!running) return;
    this.#running.delete(completion.operation);
    const { operation, plan } = running;
    const { error, bytes, data, offset, release } = completion;
    if (error === ERROR_SUCCESS) {
      if (data) copyInto(plan.into, data);
      release?.();
      running.bytes += bytes;
      if (this.#goOn(running)) return;
    }
    const total = error === ERROR_SUCCESS ? running.bytes : bytes;
    operation.complete({ error, bytes: total, ...(offset === undefined ? {} : { offset }) });
  }

  /** False if there was nothing more to send. */
  #goOn(running: Running): boolean {
    const { operation, plan } = running;
    const id = this.#nextOperation++;
    const call = plan.next(id);
    if (!call) return false;
    if (operation.cancelRequested) {
      operation.complete({ error: ERROR_OPERATION_ABORTED, bytes: 0 });
      return true;
    }
    operation.id = id;
    this.#running.set(id, running);
    void this.call(call).then(({ code }) => {
      if (code === ERROR_IO_PENDING) return;
      this.#running.delete(id);
      operation.complete({ error: code, bytes: 0 });
    });
    return true;
  }
}

function copyInto(into: Uint8Array | undefined, pieces: readonly Uint8Array[]): void {
  let at = 0;
  for (const piece of pieces) {
    // See `placeFor`.
    if (!into || at + piece.length > into.length) return;
    into.set(piece, at);
    at += piece.length;
  }
}

async function callOn(connection: ServiceConnection, call: ServiceCall): Promise<ServiceReturn> {
  try {
    return await connection.call(call);
  } catch {
    return { code: PEERDIST_ERROR_SERVICE_UNAVAILABLE };
  }
}
