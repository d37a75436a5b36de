import type { Socket } from "node:net";
import { encodeFrame, encodeFrameWithData } from "./frames.ts";

/** As much may wait for a socket before a writer is asked to wait: a few of the biggest answers. */
const AHEAD_BYTES = 1024 * 1024;

/** Writes frames, and says when there is room for more. */
export class FrameWriter<Message> {
  readonly #socket: Socket;
  #room: Promise<void> | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves when the next frame may be written; also when the socket is gone. */
  write(message: Message): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) return Promise.resolve();
    return this.#hasRoom(this.#socket.write(encodeFrame(message))) ? Promise.resolve() : this.#wait();
  }

  /**
   * As `write` of `{ ...message, data }`, without a copy: the pieces must not change until they are written. `written`
   * is called when they are, or never will be.
   */
  writeWithData(message: Message & object, data: readonly Uint8Array[], written?: () => void): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) {
      written?.();
      return Promise.resolve();
    }
    const parts = encodeFrameWithData(message, data);
    this.#socket.cork();
    let took = true;
    for (const [i, part] of parts.entries()) {
      took = this.#socket.write(part, i === parts.length - 1 ? written : undefined);
    }
    this.#socket.uncork();
    return this.#hasRoom(took) ? Promise.resolve() : this.#wait();
  }

  #hasRoom(took: boolean): boolean {
    return took || this.#socket.writableLength <= AHEAD_BYTES;
  }

  #wait(): Promise<void> {
    // One pair of listeners, however many wait.
    this.#room ??= new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off("drain", done);
        this.#socket.off("close", done);
        this.#room = undefined;
        resolve();
      };
      this.#socket.on("drain", done);
      this.#socket.on("close", done);
    });
    return this.#room;
  }
}
