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
      let closed = false;
      return {
        get closed() {
          return closed;
        },
        async post(path, body, { signal, maxBodyBytes }) {
          const name = formatEndpoint(server);
          if (closed) throw new BranchCacheError("BC_HTTP_CLOSED", `connection to ${name} is closed`);
          signal?.throwIfAborted();
          const handler = servers.get(name);
          if (!handler) throw new BranchCacheError("BC_HTTP_CONNECT", `nothing listens on ${name}`);
          const answer = await raceAbort(handler({ method: "POST", path, body: body.slice() }), signal).catch(
            (error: unknown) => {
              if (signal?.aborted) throw error;
              closed = true;
              throw new BranchCacheError("BC_HTTP_CLOSED", `${name} closed the connection`, { cause: error });
            },
          );
          if (answer.body.length > maxBodyBytes) {
            closed = true;
            throw new BranchCacheError("BC_HTTP_TOO_LARGE", `${answer.body.length} bytes from ${name}`);
          }
          return answer;
        },
        close: () => {
          closed = true;
        },
      };
    },
  };
}

function raceAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
