/** What `run` throws; fails the test when it throws nothing. */
export function fault(run: () => unknown): unknown {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was thrown, but ${JSON.stringify(result)} returned`);
}

/** Abort signals of the platform do not tell their listeners; this one counts them. */
export function countingSignal(): { readonly controller: AbortController; readonly listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const present = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: never, options?: never) => {
    present.add(listener);
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: never, options?: never) => {
    present.delete(listener);
    remove(type, listener, options);
  };
  return { controller, listeners: () => present.size };
}
