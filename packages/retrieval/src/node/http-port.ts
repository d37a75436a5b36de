/** HTTP/1.1 to peers over `node:net`: reused read buffers, requests in flight behind one another. */
import { connect, type Socket } from "node:net";
import {
  BranchCacheError,
  type Endpoint,
  enqueueMicrotask,
  formatEndpoint,
  type HttpConnection,
  type HttpPort,
  type HttpPostOptions,
  type HttpPostResponse,
} from "@branchcache/runtime";
import { ReadBuffer } from "./read-buffer.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";

const MAX_HEAD_BYTES = 16_384;
const MAX_INTERIM_RESPONSES = 8;
const BUFFER_BYTES = 524_288;
const LEAST_ROOM_BYTES = 65_536;
/** The longest message that a buffer holds with its head. */
const MAX_BODY_BYTES = BUFFER_BYTES - MAX_HEAD_BYTES - LEAST_ROOM_BYTES;

interface Pending {
  readonly maxBodyBytes: number;
  readonly keepBody: boolean;
  readonly resolve: (response: HttpPostResponse) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

/** Connects directly: no proxy, no redirect, no content coding, no TLS. Bodies up to 432 KiB. */
export function nodeHttpPort(): HttpPort {
  return { connect: (server) => new NodeHttpConnection(server) };
}

class NodeHttpConnection implements HttpConnection {
  readonly #server: Endpoint;
  readonly #name: string;
  #socket: Socket | undefined;
  #connected = false;
  #closedBy: BranchCacheError | undefined;
  #pending: Pending[] = [];
  #outgoing: Uint8Array[] = [];
  #flushing = false;
  #head: ResponseHead | undefined;
  #lastHead: { readonly text: string; readonly head: ResponseHead } | undefined;
  #interimResponses = 0;

  constructor(server: Endpoint) {
    this.#server = server;
    this.#name = formatEndpoint(server);
  }

  get closed(): boolean {
    return this.#closedBy !== undefined;
  }

  post(path: string, body: Uint8Array, options: HttpPostOptions): Promise<HttpPostResponse> {
    const { keepBody = false, maxBodyBytes, signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closedBy) return Promise.reject(this.#closedBy);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#settle(pending);
        reject(signal?.reason);
        // Its answer may still come, and nobody could tell it from the next one's.
        this.#fail(new BranchCacheError("BC_HTTP_CLOSED", `gave up an answer of ${this.#name}`));
      };
      const pending = {
        maxBodyBytes: Math.min(maxBodyBytes, MAX_BODY_BYTES),
        keepBody,
        resolve,
        reject,
        signal,
        onAbort,
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#pending.push(pending);
      const head = `POST ${path} HTTP/1.1\r\nHost: ${this.#name}\r\nContent-Length: ${body.length}\r\n\r\n`;
      const message = Buffer.allocUnsafe(head.length + body.length);
      message.write(head, "latin1");
      message.set(body, head.length);
      this.#outgoing.push(message);
      this.#socket ??= this.#open();
      // Answers that came together are looked at one after another; what they lead to leaves in one write.
      if (!this.#flushing) {
        this.#flushing = true;
        enqueueMicrotask(this.#flush);
      }
    });
  }

  close(): void {
    this.#fail(new BranchCacheError("BC_HTTP_CLOSED", `connection to ${this.#name} is closed`));
  }

  #open(): Socket {
    const buffer = new ReadBuffer(BUFFER_BYTES, LEAST_ROOM_BYTES);
    const socket = connect({
      host: this.#server.address,
      port: this.#server.port,
      noDelay: true,
      onread: {
        buffer: () => buffer.room(this.#head?.contentLengthBytes ?? MAX_HEAD_BYTES),
        callback: (lengthBytes) => {
          buffer.filled(lengthBytes);
          this.#parse(buffer);
          return !this.#closedBy;
        },
      },
    });
    socket.once("connect", () => {
      this.#connected = true;
    });
    socket.once("error", (cause) => this.#lost(cause));
    socket.once("end", () => this.#lost());
    socket.once("close", () => this.#lost());
    return socket;
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    const messages = this.#outgoing;
    this.#outgoing = [];
    const [first] = messages;
    if (this.#closedBy || !first) return;
    this.#socket?.write(messages.length === 1 ? first : Buffer.concat(messages));
  };

  #parse(buffer: ReadBuffer): void {
    try {
      while (buffer.lengthBytes > 0 && !this.#closedBy) {
        this.#head ??= this.#readHead(buffer);
        const head = this.#head;
        if (!head || buffer.lengthBytes < head.contentLengthBytes) return;
        this.#head = undefined;
        const body = buffer.consume(head.contentLengthBytes, this.#pending[0]?.keepBody);
        if (head.status >= 200) this.#answer(head, body);
        else if (++this.#interimResponses > MAX_INTERIM_RESPONSES || head.status === 101) {
          throw new BranchCacheError("BC_HTTP_MALFORMED", `interim answers without end from ${this.#name}`);
        }
      }
    } catch (error) {
      this.#fail(error instanceof BranchCacheError ? error : this.#closedError(error));
    }
  }

  /** The head of the answer to the oldest request; undefined while it is not all there. */
  #readHead(buffer: ReadBuffer): ResponseHead | undefined {
    const pending = this.#pending[0];
    if (!pending)
      throw new BranchCacheError("BC_HTTP_MALFORMED", `an answer to no request from ${this.#name}`);
    const unread = buffer.unread;
    const end = unread.subarray(0, MAX_HEAD_BYTES).indexOf("\r\n\r\n");
    if (end < 0) {
      if (unread.length < MAX_HEAD_BYTES) return undefined;
      throw new BranchCacheError(
        "BC_HTTP_MALFORMED",
        `a head over ${MAX_HEAD_BYTES} bytes from ${this.#name}`,
      );
    }
    const text = unread.toString("latin1", 0, end);
    // Servers send the same head again and again, but for its date.
    if (text !== this.#lastHead?.text) this.#lastHead = { text, head: parseResponseHead(text) };
    const { head } = this.#lastHead;
    if (head.contentLengthBytes > pending.maxBodyBytes) {
      const { contentLengthBytes } = head;
      throw new BranchCacheError("BC_HTTP_TOO_LARGE", `${contentLengthBytes} bytes from ${this.#name}`);
    }
    buffer.consume(end + 4);
    return head;
  }

  #answer({ keepAlive, status }: ResponseHead, body: Uint8Array): void {
    const pending = this.#pending[0];
    if (!pending) return;
    this.#interimResponses = 0;
    this.#settle(pending);
    pending.resolve({ status, body });
    if (!keepAlive) this.close();
  }

  #settle(pending: Pending): void {
    const at = this.#pending.indexOf(pending);
    if (at >= 0) this.#pending.splice(at, 1);
    pending.signal?.removeEventListener("abort", pending.onAbort);
  }

  #lost(cause?: unknown): void {
    this.#fail(
      this.#connected
        ? this.#closedError(cause)
        : new BranchCacheError("BC_HTTP_CONNECT", `no connection to ${this.#name}`, { cause }),
    );
  }

  #closedError(cause: unknown): BranchCacheError {
    return new BranchCacheError("BC_HTTP_CLOSED", `${this.#name} closed the connection`, { cause });
  }

  #fail(error: BranchCacheError): void {
    if (this.#closedBy) return;
    this.#closedBy = error;
    this.#outgoing = [];
    this.#socket?.destroy();
    const pending = this.#pending;
    this.#pending = [];
    for (const each of pending) {
      each.signal?.removeEventListener("abort", each.onAbort);
      each.reject(error);
    }
  }
}
