/** The command's side of the socket for administration. */
import { createConnection, type Socket } from "node:net";
import { FrameReader, FrameWriter } from "@branchcache/peer-node/socket";
import { BranchCacheError, errorCode } from "@branchcache/runtime";
import { controlSocketBeside, socketsToTry } from "../files/paths.ts";
import { CONTROL_VERSION, type ControlAnswer, type ControlRequest, type Rights } from "./protocol.ts";
import { readToken, tokenFile } from "./token.ts";

type Waiting = {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onItem: ((item: unknown) => void) | undefined;
};

export class ControlClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #writer: FrameWriter<ControlRequest>;
  readonly #waiting = new Map<number, Waiting>();
  #hello: Waiting | undefined;
  #next = 1;
  rights: Rights = "read";

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    const frames = new FrameReader((message) => this.#take(message as ControlAnswer));
    socket.on("data", (chunk) => {
      try {
        frames.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      const error = new BranchCacheError("BC_DAEMON_CLOSED", "the daemon closed the connection");
      this.#hello?.reject(error);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
    });
  }

  /**
   * Without a path, the user's own daemon, then the machine's. Errors: `BC_DAEMON_UNREACHABLE`, `BC_DENIED` where
   * there is a daemon and this user may not speak to it.
   */
  static async connect(path?: string): Promise<ControlClient> {
    let denied: string | undefined;
    const paths = path === undefined ? socketsToTry().map(controlSocketBeside) : [path];
    for (const one of paths) {
      try {
        return await ControlClient.#open(one);
      } catch (error) {
        const code = errorCode(error);
        if (code === "EACCES" || code === "EPERM") denied ??= one;
        else if (code !== "ENOENT" && code !== "ECONNREFUSED" && code !== "BC_DAEMON_CLOSED") throw error;
      }
    }
    if (denied !== undefined) {
      throw new BranchCacheError(
        "BC_DENIED",
        `${denied} is for root, the service's own user and the group of control.group`,
      );
    }
    throw new BranchCacheError(
      "BC_DAEMON_UNREACHABLE",
      `no daemon answers on ${paths.join(" or ")}: is branchcached running? branchcache doctor says more`,
    );
  }

  static async #open(path: string): Promise<ControlClient> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const client = new ControlClient(socket);
    const token = await readToken(tokenFile(path));
    await new Promise<unknown>((resolve, reject) => {
      client.#hello = { resolve, reject, onItem: undefined };
      const hello = { op: "hello", protocol: CONTROL_VERSION } as const;
      void client.#writer.write(token === undefined ? hello : { ...hello, token });
    });
    return client;
  }

  /** Errors: what the daemon says, under its code; `BC_DAEMON_CLOSED`. */
  request<Result>(method: string, params?: unknown, onItem?: (item: unknown) => void): Promise<Result> {
    return new Promise<unknown>((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject, onItem });
      if (this.#socket.destroyed) {
        reject(new BranchCacheError("BC_DAEMON_CLOSED", "the daemon closed the connection"));
        return;
      }
      void this.#writer.write({ op: "request", id, method, ...(params === undefined ? {} : { params }) });
    }) as Promise<Result>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #take(answer: ControlAnswer): void {
    if (answer.op === "hello") {
      this.rights = answer.rights;
      this.#hello?.resolve(undefined);
      this.#hello = undefined;
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    if (answer.op === "item") {
      waiting?.onItem?.(answer.item);
      return;
    }
    this.#waiting.delete(answer.id);
    if (answer.op === "answer") waiting?.resolve(answer.result);
    else waiting?.reject(new BranchCacheError(answer.code, answer.message));
  }
}

/** Whether no daemon runs, or none that this user may ask: commands that can do without one then go on. */
export function isOutOfReach(error: unknown): boolean {
  const code = errorCode(error);
  return code === "BC_DAEMON_UNREACHABLE" || code === "BC_DENIED";
}
