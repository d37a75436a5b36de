/** A peer that misbehaves on order, on any socket that looks like Node's. */
import { type Clock, concatBytes } from "@branchcache/runtime";
import type { RetrievalServer } from "../server/server.ts";
import { corrupt, isMessageFault, type MessageFault } from "./message-faults.ts";

/** Faults of HTTP and of the connection; those of the message inside are `MessageFault`. */
export type TransportFault =
  /** Takes the request and never answers. */
  | "stall"
  /** One byte of the answer each second. */
  | "drip"
  /** Half of the answer, then the end of the connection. */
  | "early-close"
  /** The connection ends instead of an answer. */
  | "no-answer"
  /** A body without end, of a length never told. */
  | "endless-body"
  /** A head without end. */
  | "endless-head"
  /** Interim answers without end. */
  | "endless-interim"
  /** A Content-Length of a thousand million. */
  | "huge-length"
  | "redirect"
  | "gzip"
  | "chunked"
  /** An honest answer, without keep-alive. */
  | "http-1.0"
  /** An honest answer, after which the connection ends. */
  | "closes-each-time"
  | "two-lengths"
  | "not-http"
  | "server-error"
  /** Status 200, and a page instead of a message. */
  | "junk"
  /** Status 200, and nothing. */
  | "empty-body"
  /** More bytes than the head said. */
  | "more-than-said";

export type Fault = TransportFault | MessageFault;

/** One HTTP request as it came. */
export interface FaultRequest {
  /** Request line and fields, without the empty line. */
  readonly head: string;
  readonly body: Uint8Array;
}

/** Makes another answer of the honest one: an HTTP body, Size included. */
export type AnswerChange = (honest: Uint8Array) => Uint8Array;

/** The part of `node:net`'s `Socket` that a fault peer uses. */
export interface FaultSocket {
  /** Bytes that came. */
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  /** The end of the connection. */
  on(event: "error" | "close", listener: () => void): unknown;
  /** Sends; `done` when the bytes are with the system, or cannot be. */
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): unknown;
  /** Sends what is left, then closes this side. */
  end(): unknown;
  /** Drops the connection. */
  destroy(): unknown;
}

export interface FaultPeerOptions {
  /** Makes the honest answers. */
  readonly server: RetrievalServer;
  readonly clock: Clock;
  /** For each request, counted from 0 over all connections; undefined for an honest answer. */
  readonly fault: (requestIndex: number, request: FaultRequest) => Fault | AnswerChange | undefined;
  /** Where `redirect` points. Default an address that nobody has. */
  readonly redirectTo?: string;
}

export interface FaultPeer {
  /** Requests answered so far, well or badly. */
  readonly requests: number;
  /** The listener for `net.createServer`. */
  accept(socket: FaultSocket): void;
}

export function faultPeer(options: FaultPeerOptions): FaultPeer {
  const { clock, fault, server, redirectTo = "http://192.0.2.1/" } = options;
  let requests = 0;
  return {
    get requests() {
      return requests;
    },
    accept(socket) {
      let received: Uint8Array = new Uint8Array(0);
      let open = true;
      let answering: Promise<unknown> = Promise.resolve();
      const isOpen = (): boolean => open;
      socket.on("error", () => {});
      socket.on("close", () => {
        open = false;
      });
      socket.on("data", (bytes) => {
        received = concatBytes(received, bytes);
        for (let request = firstRequest(received); request; request = firstRequest(received)) {
          received = received.slice(request.lengthBytes);
          const { body, head } = request;
          const each = fault(requests++, { body, head });
          answering = answering.then(async () => {
            const answer = await server.handle(body, "fault peer");
            if (answer.kind !== "message" || !open) return socket.destroy();
            answer.done();
            const honest = concatBytes(...answer.parts);
            if (typeof each === "function") return socket.write(ok(each(honest)));
            return misbehave(each, honest, socket, clock, isOpen, redirectTo);
          });
        }
      });
    },
  };
}

async function misbehave(
  fault: Fault | undefined,
  honest: Uint8Array,
  socket: FaultSocket,
  clock: Clock,
  isOpen: () => boolean,
  redirectTo: string,
): Promise<unknown> {
  if (fault === undefined) return socket.write(ok(honest));
  if (isMessageFault(fault)) return socket.write(ok(corrupt(honest, fault)));
  const whole = ok(honest);
  switch (fault) {
    case "stall":
      return;
    case "drip":
      for (let at = 0; at < whole.length && isOpen(); at++) {
        socket.write(whole.subarray(at, at + 1));
        await clock.sleep(1_000);
      }
      return;
    case "early-close":
      socket.write(whole.subarray(0, whole.length >> 1));
      return socket.end();
    case "no-answer":
      return socket.destroy();
    case "endless-body":
      socket.write(text("HTTP/1.1 200 OK\r\n\r\n"));
      return flood(socket, new Uint8Array(65_536), isOpen);
    case "endless-head":
      socket.write(text("HTTP/1.1 200 OK\r\n"));
      return flood(socket, text("X-More: and more\r\n".repeat(1_000)), isOpen);
    case "endless-interim":
      return flood(socket, text("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000)), isOpen);
    case "huge-length":
      socket.write(text("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"));
      return flood(socket, new Uint8Array(65_536), isOpen);
    case "redirect":
      return socket.write(text(`HTTP/1.1 302 Found\r\nLocation: ${redirectTo}\r\nContent-Length: 0\r\n\r\n`));
    case "gzip":
      return socket.write(ok(honest, "Content-Encoding: gzip\r\n"));
    case "chunked":
      return socket.write(
        concatBytes(
          text(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${honest.length.toString(16)}\r\n`),
          honest,
          text("\r\n0\r\n\r\n"),
        ),
      );
    case "http-1.0":
      socket.write(concatBytes(text(`HTTP/1.0 200 OK\r\nContent-Length: ${honest.length}\r\n\r\n`), honest));
      return socket.end();
    case "closes-each-time":
      socket.write(ok(honest, "Connection: close\r\n"));
      return socket.end();
    case "two-lengths":
      return socket.write(ok(honest, "Content-Length: 7\r\n"));
    case "not-http":
      return socket.write(text("220 ready\r\n\r\n"));
    case "server-error":
      return socket.write(text("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"));
    case "junk":
      return socket.write(ok(text("<html>Sign in to continue</html>")));
    case "empty-body":
      return socket.write(ok(new Uint8Array(0)));
    case "more-than-said":
      return socket.write(concatBytes(whole, text("and more")));
  }
}

function flood(socket: FaultSocket, bytes: Uint8Array, isOpen: () => boolean): void {
  const more = (error?: Error | null): void => {
    if (!error && isOpen()) socket.write(bytes, more);
  };
  more();
}

function ok(body: Uint8Array, fields = ""): Uint8Array {
  return concatBytes(text(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n`), body);
}

function text(ascii: string): Uint8Array {
  return Uint8Array.from(ascii, (character) => character.charCodeAt(0));
}

function firstRequest(bytes: Uint8Array): (FaultRequest & { readonly lengthBytes: number }) | undefined {
  let end = 0;
  while (!isEmptyLine(bytes, end)) if (++end >= bytes.length) return undefined;
  const head = String.fromCharCode(...bytes.subarray(0, end));
  const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const start = end + 4;
  if (bytes.length < start + length) return undefined;
  return { head, body: bytes.slice(start, start + length), lengthBytes: start + length };
}

function isEmptyLine(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10;
}
