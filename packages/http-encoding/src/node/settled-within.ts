import type { Clock } from "@branchcache/runtime";

/** The promise's value, or undefined once it rejected, the time was up or the signal fired. Never rejects. */
export async function settledWithin<T>(
  promise: Promise<T>,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T | undefined> {
  const deadline = clock.deadline(timeoutMs, signal);
  try {
    return await Promise.race([
      promise.catch(() => undefined),
      new Promise<undefined>((resolve) => {
        if (deadline.signal.aborted) resolve(undefined);
        else deadline.signal.addEventListener("abort", () => resolve(undefined), { once: true });
      }),
    ]);
  } finally {
    deadline.cancel();
  }
}
