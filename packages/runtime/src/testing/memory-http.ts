import { BranchCacheError } from "../errors.ts";
import { type Endpoint, formatEndpoint, type HttpPort } from "../net.ts";

/** Answers a request, or throws to drop the connection. May wait, or never answer. */
export type MemoryHttpHandler = (request: {
  readonly method: "POST";
  readonly path: string;
  readonly body: Uint8Array;
}) => Promise<{ readonly status: number; readonly body: Uint8Array }>;

export interface MemoryHttp extends HttpPort {
  /** Answers what is posted to this address from now on, in place of an earlier handler. */
  listen(server: Endpoint, handler: MemoryHttpHandler): void;
  /** From now on nothing answers there. */
  unplug(server: Endpoint): void;
}

/** Clients and servers in one process, without sockets. */
export function memoryHttp(): MemoryHttp {
  const servers = new Map<string, MemoryHttpHandler>();
  return {
    listen: (server, handler) => {
      servers.set(formatEndpoint(server), handler);
    },
    unplug: (server) => {
      servers.delete(formatEndpoint(server));
    },
    connect(server) {
      const name = formatEndpoint(server);
      const gone = new AbortController();
      let answered: Promise<unknown> = Promise.resolve();
      const closeBy = (code: string, message: string, cause?: unknown): BranchCacheError => {
        const error = new BranchCacheError(code, message, { cause });
        gone.abort(error);
        return error;
      };
      return {
        get closed() {
          return gone.signal.aborted;
        },
        async post(path, body, { signal, maxBodyBytes }) {
          signal?.throwIfAborted();
          gone.signal.throwIfAborted();
          const handler = servers.get(name);
          if (!handler) throw closeBy("BC_HTTP_CONNECT", `nothing listens on ${name}`);
          const request = { method: "POST", path, body: body.slice() } as const;
          const work = (async () => handler(request))().catch((cause: unknown) => {
            throw closeBy("BC_HTTP_CLOSED", `${name} closed the connection`, cause);
          });
          // Answers come in the order of the requests, whichever is ready first.
          const inTurn = Promise.all([work, answered]).then(([answer]) => answer);
          answered = inTurn.catch(() => {});
          const answer = await raceAbort(inTurn, signal ? [signal, gone.signal] : [gone.signal]).catch(
            (error: unknown) => {
              if (signal?.aborted) closeBy("BC_HTTP_CLOSED", `gave up an answer of ${name}`);
              throw error;
            },
          );
          if (answer.body.length > maxBodyBytes) {
            throw closeBy("BC_HTTP_TOO_LARGE", `${answer.body.length} bytes from ${name}`);
          }
          return answer;
        },
        close: () => {
          closeBy("BC_HTTP_CLOSED", `connection to ${name} is closed`);
        },
      };
    },
  };
}

function raceAbort<T>(work: Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopListening = () => {
      for (const signal of signals) signal.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      const ended = signals.find((signal) => signal.aborted);
      if (!ended) return;
      stopListening();
      reject(ended.reason);
    };
    for (const signal of signals) signal.addEventListener("abort", onAbort);
    // The handler may have ended the request itself before anybody listened.
    onAbort();
    work.finally(stopListening).then(resolve, reject);
  });
}
