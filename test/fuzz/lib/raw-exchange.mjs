// @ts-check
/** Bytes to a server, and what comes back. */
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

/** A server that says nothing for so long waits for more, and is told that no more comes; then it is left alone. */
const QUIET_MS = 20;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * @param {{ port: number, isTls?: boolean } | { path: string }} server
 * @param {Uint8Array} bytes
 * @param {{ quietMs?: number, isEnough?: (bytes: Buffer) => boolean }} [options]
 * @returns {Promise<{ bytes: Buffer, isOpen: boolean }>} `isOpen`: the server had not closed.
 */
export function rawExchange(server, bytes, { quietMs = QUIET_MS, isEnough } = {}) {
  return new Promise((resolve) => {
    /** @type {Buffer[]} */
    const parts = [];
    let gathered = 0;
    const to = "port" in server ? { host: "127.0.0.1", port: server.port } : { path: server.path };
    const isTls = "isTls" in server && server.isTls;
    const socket = isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    let wasQuiet = false;
    /** @param {boolean} isOpen */
    const end = (isOpen) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ bytes: Buffer.concat(parts), isOpen });
    };
    const timer = setTimeout(() => {
      if (wasQuiet) return end(true);
      wasQuiet = true;
      // Not earlier: a server may take the end for a client who has gone.
      socket.end();
      timer.refresh();
    }, quietMs);
    socket.on("secureConnect", () => timer.refresh());
    socket.on("data", (part) => {
      timer.refresh();
      parts.push(part);
      gathered += part.length;
      if (gathered > MAX_ANSWER_BYTES || isEnough?.(Buffer.concat(parts))) end(false);
    });
    // A reset is a server's right, and what it had said counts.
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
    socket.write(bytes);
  });
}
