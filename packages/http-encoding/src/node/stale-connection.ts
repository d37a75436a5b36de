/** Connections that are kept for the next request, and that the server may close just as it is sent. */
import { errorCode } from "@branchcache/runtime";

/**
 * Whether undici's error may come of a server that closed a kept connection without having read the request: an
 * idempotent request is sent once more then. RFC 9112 9.3.1. Of a connection that was closed undici tells whether an
 * answer had come on it before; of one that was reset it tells nothing.
 */
export function mayHaveBeenStale(error: unknown): boolean {
  switch (errorCode(error)) {
    case "ECONNRESET":
    case "EPIPE":
      return true;
    case "UND_ERR_SOCKET":
      return bytesRead(error) > 0;
    default:
      return false;
  }
}

function bytesRead(error: unknown): number {
  const { socket } = error as { readonly socket?: { readonly bytesRead?: number } | null };
  return socket?.bytesRead ?? 0;
}
