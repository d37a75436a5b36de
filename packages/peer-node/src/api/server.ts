/** The daemon's side of the local socket. */
import { createServer, type Socket } from "node:net";
import type { ContentRange } from "@branchcache/content-info";
import {
  BranchCacheError,
  type CancelTimer,
  type Clock,
  concatBytes,
  errorCode,
  errorMessage,
  type Observer,
  silentObserver,
} from "@branchcache/runtime";
import { systemClock } from "@branchcache/runtime/node";
import type { BranchCache, ContentPiece, ContentReader } from "../branch-cache.ts";
import { onAcceptFault } from "../http-listen.ts";
import { LentBuffers } from "../lent-buffers.ts";
import { FrameWriter, type Room } from "./frame-writer.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import { isPipeName } from "./pipe-name.ts";
import {
  type Answer,
  CONTENT_INFORMATION_MAX_BYTES,
  checkRequest,
  EXPLAINED_AT_ONCE,
  PROTOCOL_VERSION,
  type Request,
} from "./protocol.ts";
import { clearSocketPlace, socketError } from "./socket-place.ts";

export interface ApiServerOptions {
  /** A path, or on Windows the name of a pipe. */
  readonly path: string;
  /** The setting that names it, for messages. */
  readonly setting?: string;
  /** Serves the calls. */
  readonly branchCache: BranchCache;
  /** The mode of the node, told to each client. */
  readonly mode: string;
  /** Receives events. Default: nobody. */
  readonly observer?: Observer;
  /** Default the system's. */
  readonly clock?: Clock;
  /** Contents open at once. Default 256. */
  readonly maxConnections?: number;
  /** Other protocols on the same socket, by the number that `hello` names. */
  readonly protocols?: Readonly<Record<number, ApiProtocol>>;
}

/** Takes over a connection after its `hello`, and answers that. */
export type ApiProtocol = (connection: ApiConnection) => ApiConnectionHandler;

export interface ApiConnection {
  /** Undefined where there is room for more; else resolves when there is, also when the caller is gone. */
  send(message: unknown): Room;
  /** As `send`, with data behind the message. The pieces must not change until `sent` is called, once. */
  sendWithData(message: object, data: readonly Uint8Array[], sent?: () => void): Room;
  /** Sends what was written, then closes, whether or not the caller reads it. */
  end(): void;
}

export interface ApiConnectionHandler {
  /**
   * With the data that came behind it. No further message is read before this is done. What it throws is told to the
   * caller, and ends the connection.
   */
  message(message: unknown, data?: Uint8Array): void | Promise<void>;
  /** Once, however it came about. */
  closed(): void;
}

/** Who connects and says nothing gives his place to others. */
const HELLO_WITHIN_MS = 10_000;
/** Of advice about what is missing, behind pieces that wait for the same socket; and ranges in a frame of it. */
const MISSING_AHEAD_BYTES = 4 * 1024 * 1024;
const MISSING_AT_ONCE = 1_000;
/** Blocks from the origin that wait to be kept; a caller who brings more is not read for the time. */
const ADDS_WAITING = 64;
/** How long a caller who is done may take to read the last of it. */
const LINGER_MS = 1_000;

export interface ApiServer extends AsyncDisposable {
  /**
   * Takes no more callers. A content that is being read may be read to its end for so many milliseconds, default 0;
   * whoever has none open is sent away at once. `await using` does the same.
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * Open to every local user: whoever brings a Content Information may have what it describes. A socket
 * that a dead daemon left behind is replaced. Errors: `BC_API_IN_USE` when a live daemon answers there,
 * `BC_LISTEN_FAILED`.
 */
export async function serveApi(options: ApiServerOptions): Promise<ApiServer> {
  const { path, maxConnections = 256, observer = silentObserver, clock = systemClock } = options;
  const { setting } = options;
  const place = { inUseCode: "BC_API_IN_USE", ...(setting === undefined ? {} : { setting }) };
  if (!isPipeName(path)) await clearSocketPlace(path, place);
  const sessions = new Map<Socket, Session>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const session = new Session(socket, options);
    sessions.set(socket, session);
    socket.once("close", () => sessions.delete(socket));
    session.start();
  });
  server.maxConnections = maxConnections;
  const umask = process.umask(0o111);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, () => resolve());
    });
  } catch (error) {
    throw socketError(path, setting, error);
  } finally {
    process.umask(umask);
  }
  onAcceptFault(server, path, observer);
  const close = async (graceMs = 0): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const cut = () => {
      for (const socket of sessions.keys()) socket.destroy();
    };
    for (const [socket, session] of sessions) if (!session.isReading) socket.destroy();
    let cancel: CancelTimer = () => {};
    if (graceMs > 0) cancel = clock.after(graceMs, cut);
    else cut();
    await closed;
    cancel();
  };
  return { close, [Symbol.asyncDispose]: close };
}

/** One connection, one content. Anything out of order ends it; it never disturbs another. */
class Session {
  readonly #socket: Socket;
  readonly #options: ApiServerOptions;
  readonly #frames = new FrameReader((message, data) => this.#take(message, data), {
    placeFor: (message, dataBytes) =>
      isAdd(message) && !this.#handler ? this.#blocks.take(dataBytes) : Buffer.allocUnsafe(dataBytes),
  });
  /** Blocks that are added, one after another in the same memory: they are copied where they are kept. */
  readonly #blocks = new LentBuffers();
  readonly #writer: FrameWriter<Answer>;
  readonly #closing = new AbortController();
  readonly #clock: Clock;
  #cancelDeadline: CancelTimer = () => {};
  #contentParts: Uint8Array[] = [];
  #contentBytes = 0;
  #greeted = false;
  #opening = false;
  #reader: ContentReader | undefined;
  #pieces: AsyncIterator<ContentPiece> | undefined;
  /** Requests are handled one after another, except that `add` does not wait for pieces. */
  #pieceQueue: Promise<void> = Promise.resolve();
  #addQueue: Promise<void> = Promise.resolve();
  #adds = 0;
  #handler: ApiConnectionHandler | undefined;
  /** What the handler works on; undefined while it is idle. */
  #handling: Promise<void> | undefined;

  constructor(socket: Socket, options: ApiServerOptions) {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** A content is open, and its caller has not gone. */
  get isReading(): boolean {
    return this.#opening;
  }

  start(): void {
    this.#deadline(HELLO_WITHIN_MS);
    this.#socket.on("data", (chunk) => {
      try {
        this.#frames.push(chunk);
      } catch (error) {
        this.#fail(error);
      }
    });
    this.#socket.once("end", () => this.#socket.end());
    this.#socket.once("error", () => this.#socket.destroy());
    this.#socket.once("close", () => {
      this.#cancelDeadline();
      this.#closing.abort(new BranchCacheError("BC_CLOSED", "the caller closed the connection"));
      void this.#reader?.close();
      this.#handler?.closed();
    });
  }

  #take(message: unknown, data: Uint8Array | undefined): void {
    if (this.#handler) this.#handOn(this.#handler, message, data);
    else if (!this.#takeOver(message)) this.#handle(checkRequest(message, data), data);
  }

  /** Whether another protocol takes the connection. */
  #takeOver(message: unknown): boolean {
    const { op, protocol } = (message ?? {}) as Partial<Record<string, unknown>>;
    const other = typeof protocol === "number" ? this.#options.protocols?.[protocol] : undefined;
    if (op !== "hello" || this.#greeted || !other) return false;
    this.#greet();
    this.#handler = other({
      send: (answer) => this.#writer.write(answer as Answer),
      sendWithData: (answer, data, sent) => this.#writer.writeWithData(answer as Answer, data, sent),
      end: () => this.#end(),
    });
    return true;
  }

  /** One message after another; the socket is not read on while one is being worked on. */
  #handOn(handler: ApiConnectionHandler, message: unknown, data: Uint8Array | undefined): void {
    if (this.#closing.signal.aborted) return;
    const before = this.#handling;
    const working =
      before === undefined
        ? handler.message(message, data)
        : this.#queue(before, async () => handler.message(message, data));
    if (!working) return;
    this.#socket.pause();
    const handling = working
      .catch((error) => this.#fail(error))
      .then(() => {
        if (this.#handling !== handling) return;
        this.#handling = undefined;
        this.#socket.resume();
      });
    this.#handling = handling;
  }

  #handle(request: Request, data: Uint8Array | undefined): void {
    if (!this.#greeted && request.op !== "hello")
      throw new BranchCacheError("BC_API_ORDER", "hello comes first");
    switch (request.op) {
      case "hello":
        if (request.protocol !== PROTOCOL_VERSION) {
          throw new BranchCacheError("BC_API_VERSION", `the daemon speaks protocol ${PROTOCOL_VERSION}`);
        }
        this.#greet();
        void this.#writer.write({ op: "hello", protocol: PROTOCOL_VERSION, mode: this.#options.mode });
        return;
      case "content":
        if (this.#opening) throw new BranchCacheError("BC_API_ORDER", "content after open");
        this.#contentBytes += request.bytes.length;
        if (this.#contentBytes > CONTENT_INFORMATION_MAX_BYTES) {
          throw new BranchCacheError(
            "BC_API_LIMIT",
            `Content Information over ${CONTENT_INFORMATION_MAX_BYTES} bytes is not taken`,
          );
        }
        this.#contentParts.push(request.bytes);
        return;
      case "open":
        if (this.#opening) throw new BranchCacheError("BC_API_ORDER", "open twice");
        this.#opening = true;
        this.#pieceQueue = this.#queue(this.#pieceQueue, () => this.#open(request.name));
        this.#addQueue = this.#pieceQueue;
        return;
      case "next":
        for (let i = 0; i < request.count; i++) {
          this.#pieceQueue = this.#queue(this.#pieceQueue, () => this.#next());
        }
        return;
      case "explain":
        this.#pieceQueue = this.#queue(this.#pieceQueue, () => this.#explain(request.from));
        return;
      case "add": {
        const { offsetBytes, bytes } = request;
        if (++this.#adds === ADDS_WAITING) this.#socket.pause();
        this.#addQueue = this.#queue(this.#addQueue, async () => {
          const result = await this.#opened().add(offsetBytes, bytes);
          if (data) this.#blocks.give(data);
          if (this.#adds-- === ADDS_WAITING) this.#socket.resume();
          await this.#writer.write({ op: "added", result });
        });
        return;
      }
    }
  }

  #greet(): void {
    this.#greeted = true;
    this.#cancelDeadline();
  }

  #deadline(ms: number): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#clock.after(ms, () => this.#socket.destroy());
  }

  #end(last?: Uint8Array): void {
    if (this.#socket.destroyed) return;
    this.#deadline(LINGER_MS);
    if (this.#socket.writableEnded) return;
    this.#writer.flush();
    this.#socket.end(last ?? new Uint8Array(0), () => this.#socket.destroy());
  }

  async #open(name: string | undefined): Promise<void> {
    const contentInformation = concatBytes(...this.#contentParts);
    this.#contentParts = [];
    this.#reader = await this.#options.branchCache.open(contentInformation, {
      signal: this.#closing.signal,
      ...(name === undefined ? {} : { name }),
    });
    await this.#writer.write({ op: "opened" });
  }

  async #next(): Promise<void> {
    this.#pieces ??= this.#opened()
      .pieces({ onMissing: (ranges) => this.#tellMissing(ranges) })
      [Symbol.asyncIterator]();
    const next = await this.#pieces.next();
    if (next.done) await this.#writer.write({ op: "end" });
    else if (next.value.kind === "missing") await this.#writer.write({ op: "piece", piece: next.value });
    else {
      const { bytes, ...piece } = next.value;
      await this.#writer.writeWithData({ op: "piece", piece }, [bytes], () => this.#reader?.release?.(bytes));
    }
  }

  /** Advice: a caller who does not read fast enough for it does without. */
  #tellMissing(ranges: readonly ContentRange[]): void {
    if (this.#socket.writableLength > MISSING_AHEAD_BYTES) return;
    for (let i = 0; i < ranges.length; i += MISSING_AT_ONCE) {
      void this.#writer.write({ op: "missing", ranges: ranges.slice(i, i + MISSING_AT_ONCE) });
    }
  }

  async #explain(from: number): Promise<void> {
    const whole = await this.#opened().explain();
    await this.#writer.write({
      op: "explanation",
      segmentCount: whole.segments.length,
      explanation: { ...whole, segments: whole.segments.slice(from, from + EXPLAINED_AT_ONCE) },
    });
  }

  #opened(): ContentReader {
    if (!this.#reader) throw new BranchCacheError("BC_API_ORDER", "nothing is open");
    return this.#reader;
  }

  #queue(queue: Promise<void>, work: () => Promise<void>): Promise<void> {
    return queue
      .then(() => (this.#closing.signal.aborted ? undefined : work()))
      .catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#socket.writableEnded || this.#socket.destroyed) return;
    const answer: Answer = {
      op: "error",
      code: errorCode(error) ?? "BC_INTERNAL",
      message: errorMessage(error),
    };
    this.#end(encodeFrame(answer));
    this.#closing.abort(error);
  }
}

function isAdd(message: unknown): boolean {
  return (message as { readonly op?: unknown } | null)?.op === "add";
}
