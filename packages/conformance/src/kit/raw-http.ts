/** Requests that `node:http` does not make, such as those of HTTP/1.0. */
import { connect as plainConnect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { errorMessage } from "@branchcache/runtime";
import type { HttpSeen, HttpServerAddress } from "./http.ts";

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Sends this head, and reads until the server closes the connection, or the body is as long as Content-Length says.
 * Never rejects.
 */
export function rawExchange(server: HttpServerAddress, head: string, timeoutMs = 5_000): Promise<HttpSeen> {
  return new Promise((resolve) => {
    const options = { host: server.address, port: server.port };
    const socket = server.tls ? tlsConnect({ ...options, rejectUnauthorized: false }) : plainConnect(options);
    const parts: Buffer[] = [];
    let gathered = 0;
    const end = (seen: HttpSeen) => {
      socket.destroy();
      resolve(seen);
    };
    socket.setTimeout(timeoutMs, () => end({ kind: "nothing", reason: `no answer in ${timeoutMs} ms` }));
    socket.on("error", (error) => end({ kind: "nothing", reason: errorMessage(error) }));
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      gathered += part.length;
      if (gathered > MAX_BYTES)
        return end({ kind: "nothing", reason: `an answer of more than ${MAX_BYTES} bytes` });
      const seen = parse(Buffer.concat(parts));
      if (seen && seen.body.length === Number(seen.headers["content-length"])) end(seen);
    });
    socket.on("end", () => {
      const seen = parse(Buffer.concat(parts));
      end(seen ?? { kind: "nothing", reason: "the connection was closed without an answer" });
    });
    socket.write(head, "latin1");
  });
}

/** The answer so far; undefined until its head is complete. */
function parse(bytes: Buffer): Extract<HttpSeen, { kind: "answer" }> | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [start = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/\d\.\d (\d{3})/.exec(start)?.[1] ?? 0);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { kind: "answer", status, headers, body: new Uint8Array(bytes.subarray(end + 4)) };
}
