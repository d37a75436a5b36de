/** The operations of one connection: each accepted once, completed once. */
import {
  ERROR_INTERNAL_ERROR,
  ERROR_INVALID_PARAMETER,
  ERROR_IO_PENDING,
  ERROR_NOT_ENOUGH_QUOTA,
  ERROR_OPERATION_ABORTED,
} from "../win32/errors.ts";
import type { OperationCompletion } from "./calls.ts";
import type { Quota } from "./quota.ts";
import type { SerialQueue } from "./serial-queue.ts";

export interface Outcome extends Omit<OperationCompletion, "operation" | "bytes"> {
  readonly bytes?: number;
  /** Done only if this outcome is the one that counts: a cancelled read moves no cursor. */
  readonly commit?: () => void;
}

/** What an operation belongs to: closing it cancels them. */
export interface OperationOwner {
  readonly operations: Set<Operation>;
}

/** The signal is made when it is first asked for: most operations end before anybody could cancel them. */
export interface Cancellable {
  readonly signal: AbortSignal;
}

export interface Operation {
  readonly end: (error: number) => void;
}

class RunningOperation implements Operation, Cancellable {
  readonly id: number;
  readonly owner: OperationOwner | undefined;
  readonly end: (error: number) => void;
  settled = false;
  #controller: AbortController | undefined;
  #aborted = false;

  constructor(id: number, owner: OperationOwner | undefined, end: (error: number) => void) {
    this.id = id;
    this.owner = owner;
    this.end = (error) => {
      end(error);
      this.#aborted = true;
      this.#controller?.abort();
    };
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort();
    return this.#controller.signal;
  }
}

/** Ends what is pending of one owner. */
export function endOperations(owner: OperationOwner, error: number): void {
  for (const operation of [...owner.operations]) operation.end(error);
}

export interface StartOptions {
  readonly owner?: OperationOwner;
  /** Run after the operations that are in this queue already. */
  readonly queue?: SerialQueue;
}

export class Operations {
  readonly #pending = new Map<number, RunningOperation>();
  readonly #quota: Quota;
  readonly #deliver: (completion: OperationCompletion) => void | Promise<void>;

  constructor(quota: Quota, deliver: (completion: OperationCompletion) => void | Promise<void>) {
    this.#quota = quota;
    this.#deliver = deliver;
  }

  /** ERROR_IO_PENDING if the operation is accepted, else the error; `work` begins after this has returned. */
  start(
    id: number,
    work: (running: Cancellable) => Promise<Outcome> | Outcome,
    { owner, queue }: StartOptions = {},
  ): number {
    if (this.#pending.has(id)) return ERROR_INVALID_PARAMETER;
    if (!this.#quota.take("operations")) return ERROR_NOT_ENOUGH_QUOTA;
    const operation = new RunningOperation(id, owner, (error) => void this.#finish(operation, { error }));
    this.#pending.set(id, operation);
    owner?.operations.add(operation);
    const run = async () => {
      if (operation.settled) return;
      try {
        const outcome = await work(operation);
        await this.#finish(operation, outcome);
      } catch {
        await this.#finish(operation, { error: ERROR_INTERNAL_ERROR });
      }
    };
    void (queue ? queue.run(run) : Promise.resolve().then(run));
    return ERROR_IO_PENDING;
  }

  /** False if no operation with this number is pending. */
  cancel(id: number): boolean {
    const operation = this.#pending.get(id);
    if (!operation) return false;
    operation.end(ERROR_OPERATION_ABORTED);
    return true;
  }

  endAll(error: number): void {
    for (const operation of [...this.#pending.values()]) operation.end(error);
  }

  async #finish(operation: RunningOperation, { commit, bytes = 0, ...outcome }: Outcome): Promise<void> {
    if (operation.settled) return;
    operation.settled = true;
    this.#pending.delete(operation.id);
    operation.owner?.operations.delete(operation);
    commit?.();
    try {
      await this.#deliver({ operation: operation.id, bytes, ...outcome });
    } finally {
      this.#quota.give("operations");
    }
  }
}
