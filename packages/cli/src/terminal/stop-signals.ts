export interface StopOptions {
  /**
   * Stop too when standard input ends. A pipe from whoever started this process ends with him, however he ended: not
   * even being killed leaves this one behind.
   */
  readonly stopAtEof?: true;
}

/** Ctrl-C and service managers ask once for a clean stop; a second time, the process ends at once. */
export function stopSignal({ stopAtEof }: StopOptions = {}): AbortSignal {
  const controller = new AbortController();
  if (stopAtEof) {
    const stop = () => controller.abort(new Error("standard input ended"));
    // A pipe closes; a file, /dev/null among them, ends and stays open.
    process.stdin.once("end", stop).once("close", stop).resume();
    controller.signal.addEventListener("abort", () => process.stdin.destroy(), { once: true });
  }
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return controller.signal;
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
