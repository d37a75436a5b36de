/** Microtasks where they are many. */

const SETTLED = Promise.resolve();

/**
 * Runs the work once the microtasks that wait already have run. Costs less than `queueMicrotask`, which in Node.js keeps
 * track of who asked. The work must not throw.
 */
export function enqueueMicrotask(work: () => void): void {
  void SETTLED.then(work);
}
