import { BranchCacheError } from "../errors.ts";
import { type Endpoint, formatEndpoint, type HttpPort } from "../net.ts";

/** Answers a request, or throws to drop the connection. May wait, or never answer. */
export type MemoryHttpHandler = (request: {
  readonly method: "POST";
  readonly path: string;
  readonly body: Uint8Array;
}) => Promise<{ readonly status: number; readonly body: Uint8Array }>;

export interface MemoryHttp extends HttpPort {
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
      const gone = new AbortController();
      return {
        get closed() {
          return gone.signal.aborted;
        },
        async post(path, body, { signal, maxBodyBytes }) {
          const name = formatEndpoint(server);
          const closedError = (cause?: unknown) =>
            new BranchCacheError("BC_HTTP_CLOSED", `connection to ${name} is closed`, { cause });
          if (gone.signal.aborted) throw closedError();
          signal?.throwIfAborted();
          const handler = servers.get(name);
          if (!handler) throw new BranchCacheError("BC_HTTP_CONNECT", `nothing listens on ${name}`);
          const request = { method: "POST", path, body: body.slice() } as const;
          const ends = signal ? [gone.signal, signal] : [gone.signal];
          const answer = await raceAbort((async () => handler(request))(), ends).catch((error: unknown) => {
            if (signal?.aborted) throw signal.reason;
            gone.abort(error);
            throw closedError(error);
          });
          if (answer.body.length > maxBodyBytes) {
            gone.abort();
            throw new BranchCacheError("BC_HTTP_TOO_LARGE", `${answer.body.length} bytes from ${name}`);
          }
          return answer;
        },
        close: () => gone.abort(),
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
