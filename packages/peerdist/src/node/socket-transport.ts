/** The caller's side: the service of the daemon behind a socket. */
import { createConnection, type Socket } from "node:net";
import { FrameReader, FrameWriter, ReceivedBytes } from "@branchcache/peer-node/socket";
import { BranchCacheError } from "@branchcache/runtime";
import type {
  CallerEvents,
  PeerDistTransport,
  ServiceCall,
  ServiceConnection,
  ServiceReturn,
} from "../service/calls.ts";
import { leaveProof } from "./proofs.ts";
import { type Answer, PEERDIST_PROTOCOL, type Request } from "./protocol.ts";

/** Where the daemon listens, and whether it is told who calls. */
export interface DaemonOptions {
  /** The daemon's socket, or on Windows the name of its pipe. */
  readonly path: string;
  /** Stay without identity: publications are seen by this instance alone. Default false. */
  readonly anonymous?: boolean;
}

/** Each instance has a connection of its own, made anew when the daemon comes back. */
export function daemon({ path, anonymous = false }: DaemonOptions): PeerDistTransport {
  return { connect: (events) => DaemonConnection.open(path, anonymous, events) };
}

/** The bytes of a call are its frame's data. */
type SentRequest =
  | Exclude<Request, { op: "call" }>
  | { readonly op: "call"; readonly id: number; readonly call: object };

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

class DaemonConnection implements ServiceConnection {
  readonly #socket: Socket;
  readonly #writer: FrameWriter<SentRequest>;
  readonly #events: CallerEvents;
  readonly #calls = new Map<number, Waiting<ServiceReturn>>();
  /** Who waits for `hello`, `identified` or `closed`. */
  #waiting: Waiting<Answer> | undefined;
  #nextCall = 1;
  #ready = false;
  #closing: Promise<void> | undefined;
  #failure: unknown;

  private constructor(socket: Socket, received: ReceivedBytes, events: CallerEvents) {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    this.#events = events;
    const frames = new FrameReader((message) => this.#take(message as Answer), {
      placeFor: (message, lengthBytes) => {
        const answer = message as Answer;
        return answer.op === "completed" ? events.placeFor(answer.operation, lengthBytes) : undefined;
      },
    });
    received.listener = (buffer, lengthBytes) => {
      try {
        frames.push(buffer, lengthBytes);
      } catch (error) {
        this.#fail(error);
      }
    };
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(undefined));
  }

  static async open(path: string, anonymous: boolean, events: CallerEvents): Promise<DaemonConnection> {
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
    const connection = new DaemonConnection(socket, received, events);
    await connection.#greet(path, anonymous);
    return connection;
  }

  call(call: ServiceCall): Promise<ServiceReturn> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined || this.#closing !== undefined) {
        reject(this.#failure ?? closedError());
        return;
      }
      const id = this.#nextCall++;
      this.#calls.set(id, { resolve, reject });
      if (!("bytes" in call)) void this.#writer.write({ op: "call", id, call });
      else {
        const { bytes, ...rest } = call;
        void this.#writer.writeWithData({ op: "call", id, call: rest }, [bytes]);
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#ask({ op: "close" }).then(
      () => {
        this.#socket.end();
      },
      () => {},
    );
    return this.#closing;
  }

  async #greet(path: string, anonymous: boolean): Promise<void> {
    const hello = await this.#ask({ op: "hello", protocol: PEERDIST_PROTOCOL });
    const nonce = hello.op === "hello" && !anonymous ? hello.nonce : undefined;
    const takeAway = nonce === undefined ? undefined : await leaveProof(path, nonce);
    try {
      await this.#ask({ op: "identify", proof: takeAway !== undefined });
    } finally {
      await takeAway?.();
    }
    this.#ready = true;
  }

  #ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting = { resolve, reject };
      void this.#writer.write(request);
    });
  }

  #take(answer: Answer): void {
    switch (answer.op) {
      case "hello":
      case "identified":
      case "closed":
        this.#waiting?.resolve(answer);
        this.#waiting = undefined;
        return;
      case "status":
        this.#events.status(answer.report);
        return;
      case "completed":
        void this.#events.completed(answer);
        return;
      case "returned":
        this.#calls.get(answer.id)?.resolve(answer);
        this.#calls.delete(answer.id);
        return;
      case "error":
        this.#fail(new BranchCacheError(answer.code, `daemon: ${answer.message}`));
    }
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = cause instanceof BranchCacheError ? cause : closedError(cause);
    this.#socket.destroy();
    for (const waiting of this.#calls.values()) waiting.reject(this.#failure);
    this.#calls.clear();
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
    if (this.#ready && this.#closing === undefined) this.#events.lost();
  }
}

function closedError(cause?: unknown): BranchCacheError {
  return new BranchCacheError("BC_DAEMON_CLOSED", "the daemon closed the connection", { cause });
}
