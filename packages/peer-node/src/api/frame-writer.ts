import type { Socket } from "node:net";
import { encodeFrame } from "./frames.ts";

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
    if (this.#socket.write(encodeFrame(message)) || this.#socket.writableLength <= AHEAD_BYTES) {
      return Promise.resolve();
    }
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
