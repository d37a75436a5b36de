/** Status and its notification, one at a time for each instance. */
import type { StatusReport } from "../service/calls.ts";
import { PEERDIST_STATUS } from "../win32/constants.ts";
import { ERROR_OPERATION_ABORTED, ERROR_SUCCESS } from "../win32/errors.ts";
import type { PendingOperation } from "./pending.ts";

export interface Registration {
  readonly operation: PendingOperation;
  readonly write: (report: StatusReport) => void;
}

const GONE: StatusReport = { status: PEERDIST_STATUS.UNAVAILABLE, minVersion: 1, maxVersion: 2 };

export class StatusWatch {
  #report: StatusReport = GONE;
  /** Of before the first notification: as if it had been disabled. */
  #lastNotified: PEERDIST_STATUS = PEERDIST_STATUS.DISABLED;
  #registration: Registration | undefined;

  get report(): StatusReport {
    return this.#report;
  }

  get registered(): boolean {
    return this.#registration !== undefined;
  }

  register(registration: Registration): void {
    this.#registration = registration;
  }

  cancel(): void {
    const registration = this.#registration;
    this.#registration = undefined;
    registration?.operation.complete({ error: ERROR_OPERATION_ABORTED, bytes: 0 });
  }

  set(report: StatusReport): void {
    this.#report = report;
    this.notify();
  }

  /** The service cannot be reached. */
  lost(): void {
    this.set({ ...this.#report, status: PEERDIST_STATUS.UNAVAILABLE });
  }

  /** Tells who waits, if there is news. */
  notify(): void {
    const registration = this.#registration;
    if (!registration || this.#report.status === this.#lastNotified) return;
    this.#registration = undefined;
    this.#lastNotified = this.#report.status;
    registration.write(this.#report);
    registration.operation.complete({ error: ERROR_SUCCESS, bytes: 0 });
  }
}
