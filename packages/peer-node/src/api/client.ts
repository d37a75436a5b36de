/** The caller's side of the local socket: a `BranchCache` that lives in the daemon. */
import { createConnection, type Socket } from "node:net";
import { type ContentInformation, readContentInformation } from "@branchcache/content-info";
import { nodeHashEngine } from "@branchcache/content-info/node";
import { BranchCacheError } from "@branchcache/runtime";
import { blockStartingAt } from "../block-map.ts";
import type { BranchCache, ContentReader, PiecesOptions, SegmentExplanation } from "../branch-cache.ts";
import { LentBuffers } from "../lent-buffers.ts";
import { FrameWriter } from "./frame-writer.ts";
import { FrameReader } from "./frames.ts";
import { outlivingReader } from "./outlive.ts";
import { type Answer, PROTOCOL_VERSION, type Request } from "./protocol.ts";
import { ReceivedBytes } from "./received-bytes.ts";

const CONTENT_FRAME_BYTES = 256 * 1024;
/** Pieces asked for ahead, so that the reader never waits for the socket; and how many of them at a time. */
const AHEAD = 16;
const ASKED_TOGETHER = 8;

/**
 * Finds out whether a daemon answers on this path. Errors: `BC_DAEMON_UNREACHABLE`, `BC_API_VERSION`.
 */
export async function connectBranchCache(path: string): Promise<BranchCache & AsyncDisposable> {
  const first = await Connection.open(path);
  first.close();
  const open = new Set<Connection>();
  const close = async () => {
    for (const connection of open) connection.close();
  };
  return {
    async open(bytes, { signal, name } = {}) {
      const content = readContentInformation(bytes, nodeHashEngine);
      const connection = await Connection.open(path);
      open.add(connection);
      const onAbort = () => connection.close(signal?.reason);
      const forget = () => {
        open.delete(connection);
        signal?.removeEventListener("abort", onAbort);
      };
      try {
        signal?.throwIfAborted();
        signal?.addEventListener("abort", onAbort, { once: true });
        for (let at = 0; at < bytes.length; at += CONTENT_FRAME_BYTES) {
          await connection.send({ op: "content" }, bytes.subarray(at, at + CONTENT_FRAME_BYTES));
        }
        await connection.request(
          name === undefined ? { op: "open" } : { op: "open", name: name.slice(0, 1_024) },
          "opened",
        );
      } catch (error) {
        forget();
        connection.close();
        throw error;
      }
      return outlivingReader(remoteReader(connection, content, forget), content, nodeHashEngine);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function remoteReader(
  connection: Connection,
  content: ContentInformation,
  forget: () => void,
): ContentReader {
  return {
    range: content.range,
    blockAt: (offsetBytes) => blockStartingAt(content, offsetBytes),
    async *pieces({ onMissing } = {}) {
      connection.onMissing = onMissing;
      const asked: Promise<AnswerWithData>[] = [];
      for (;;) {
        while (asked.length <= AHEAD - ASKED_TOGETHER)
          asked.push(...connection.requestPieces(ASKED_TOGETHER));
        const answer = await asked.shift();
        if (answer?.op !== "piece") return;
        const { data, piece } = answer;
        if (piece.kind === "missing") yield piece;
        else if (data) yield { ...piece, bytes: data };
        else throw new BranchCacheError("BC_API_FRAME", "the daemon sent a block without its bytes");
      }
    },
    async add(offsetBytes, bytes) {
      const answer = await connection.request({ op: "add", offsetBytes }, "added", bytes);
      return answer.op === "added" ? answer.result : "not-kept";
    },
    release: (bytes) => connection.release(bytes),
    async explain() {
      const segments: SegmentExplanation[] = [];
      for (;;) {
        const answer = await connection.request({ op: "explain", from: segments.length }, "explanation");
        if (answer.op !== "explanation") throw daemonClosed();
        segments.push(...answer.explanation.segments);
        const done = answer.explanation.segments.length === 0 || segments.length >= answer.segmentCount;
        if (done) return { ...answer.explanation, segments };
      }
    },
    async close() {
      forget();
      connection.close();
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}

type AnswerWithData = Answer & { readonly data?: Uint8Array };
/** What bytes there are go as data. */
type WithoutBytes<T> = T extends unknown ? Omit<T, "bytes"> : never;

type AwaitedAnswer = "hello" | "opened" | "piece" | "added" | "explanation";

interface Waiting {
  readonly resolve: (answer: AnswerWithData) => void;
  readonly reject: (error: unknown) => void;
}

/** Pairs each answer with the oldest request of its kind. */
class Connection {
  readonly #socket: Socket;
  readonly #writer: FrameWriter<WithoutBytes<Request>>;
  readonly #buffers = new LentBuffers();
  readonly #waiting: Record<AwaitedAnswer, Waiting[]> = {
    hello: [],
    opened: [],
    piece: [],
    added: [],
    explanation: [],
  };
  onMissing: PiecesOptions["onMissing"];
  #failure: unknown;

  private constructor(socket: Socket, received: ReceivedBytes) {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    const frames = new FrameReader((message, data) => this.#take(message as Answer, data), {
      placeFor: (_, lengthBytes) => this.#buffers.take(lengthBytes),
    });
    received.listener = (buffer, lengthBytes) => {
      try {
        frames.push(buffer, lengthBytes);
      } catch (error) {
        this.close(error);
      }
    };
    socket.on("error", (error) => this.close(daemonClosed(error)));
    socket.on("close", () => this.close());
  }

  static async open(path: string): Promise<Connection> {
    const received = new ReceivedBytes();
    const socket = createConnection({ path, onread: received.onread });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
    } catch (error) {
      throw new BranchCacheError("BC_DAEMON_UNREACHABLE", `no daemon answers on ${path}`, { cause: error });
    }
    const connection = new Connection(socket, received);
    await connection.request({ op: "hello", protocol: PROTOCOL_VERSION }, "hello");
    return connection;
  }

  async send(request: WithoutBytes<Request>, bytes?: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await (bytes ? this.#writer.writeWithData(request, [bytes]) : this.#writer.write(request));
  }

  request(
    request: WithoutBytes<Request>,
    answer: AwaitedAnswer,
    bytes?: Uint8Array,
  ): Promise<AnswerWithData> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting[answer].push({ resolve, reject });
      this.send(request, bytes).catch(reject);
    });
  }

  /** So many answers to one request. Looked at when their turn comes; until then a failure is no unhandled one. */
  requestPieces(count: number): readonly Promise<AnswerWithData>[] {
    const answers = Array.from(
      { length: count },
      () =>
        new Promise<AnswerWithData>((resolve, reject) => {
          if (this.#failure === undefined) this.#waiting.piece.push({ resolve, reject });
          else reject(this.#failure);
        }),
    );
    for (const answer of answers) answer.catch(() => {});
    this.send({ op: "next", count }).catch(() => {});
    return answers;
  }

  /** Of an answer; the next ones are read into its memory. */
  release(bytes: Uint8Array): void {
    this.#buffers.give(bytes);
  }

  close(reason: unknown = daemonClosed()): void {
    this.#failure ??= reason;
    this.#socket.destroy();
    for (const queue of Object.values(this.#waiting)) {
      for (const waiting of queue.splice(0)) waiting.reject(this.#failure);
    }
  }

  #take(answer: Answer, data: Uint8Array | undefined): void {
    if (answer.op === "error") {
      this.close(new BranchCacheError(answer.code, `daemon: ${answer.message}`));
      return;
    }
    if (answer.op === "missing") {
      this.onMissing?.(answer.ranges);
      return;
    }
    const waiting = this.#waiting[answer.op === "end" ? "piece" : answer.op].shift();
    if (!waiting) throw new BranchCacheError("BC_API_ORDER", `the daemon sent ${answer.op} unasked`);
    waiting.resolve(data ? { ...answer, data } : answer);
  }
}

function daemonClosed(cause?: unknown): BranchCacheError {
  return new BranchCacheError("BC_DAEMON_CLOSED", "the daemon closed the connection", { cause });
}
