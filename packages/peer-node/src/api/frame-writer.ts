import type { Socket } from "node:net";
import { enqueueMicrotask } from "@branchcache/runtime";
import { encodeFrame, encodeFrameOfData } from "./frames.ts";

/** As much may wait for a socket before a writer is asked to wait: a few of the biggest answers. */
const AHEAD_BYTES = 1024 * 1024;
/** What is smaller is copied together with its neighbours. */
const GATHERED_BYTES = 16 * 1024;
/** So much does not wait for the end of the turn: the other side has enough to do. */
const AT_ONCE_BYTES = 256 * 1024;

/** Undefined where there is room for more at once; else resolves when there is, also when the socket is gone. */
export type Room = Promise<void> | undefined;

/**
 * Writes frames, and says when there is room for more. What is written in one turn of the event loop leaves
 * together: a system call, and a process that wakes up for it, cost more than a small frame.
 */
export class FrameWriter<Message> {
  readonly #socket: Socket;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #written: (() => void)[] = [];
  #scheduled = false;
  #room: Promise<void> | undefined;
  readonly #afterPromises = () => process.nextTick(this.#flushScheduled);
  readonly #flushScheduled = () => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Queues a message as one frame; dropped where the socket is closed. Nobody has to wait for the room. */
  write(message: Message): Room {
    if (!this.#open) return undefined;
    this.#gather(encodeFrame(message));
    return this.#leave();
  }

  /**
   * A message with data in pieces, which are not copied: they must not change until they are written. `written` is
   * called when they are, or never will be.
   */
  writeWithData(message: Message & object, data: readonly Uint8Array[], written?: () => void): Room {
    if (!this.#open) {
      written?.();
      return undefined;
    }
    let dataBytes = 0;
    for (const piece of data) dataBytes += piece.length;
    this.#gather(encodeFrameOfData(message, dataBytes));
    for (const piece of data) this.#gather(piece);
    if (written) this.#written.push(written);
    return this.#leave();
  }

  /** Hands what was written to the socket. */
  flush(): void {
    const parts = this.#parts;
    const bytes = this.#partsBytes;
    const last = parts.pop();
    if (!last) return;
    this.#parts = [];
    this.#partsBytes = 0;
    if (!this.#open) {
      for (const done of this.#written.splice(0)) done();
      return;
    }
    if (parts.length === 0) this.#writeLast(last);
    else if (bytes <= GATHERED_BYTES) this.#writeLast(Buffer.concat([...parts, last], bytes));
    else {
      this.#socket.cork();
      for (const part of parts) this.#socket.write(part);
      this.#writeLast(last);
      this.#socket.uncork();
    }
  }

  #writeLast(part: Uint8Array): void {
    if (this.#written.length === 0) {
      this.#socket.write(part);
      return;
    }
    const written = this.#written;
    this.#written = [];
    this.#socket.write(part, () => {
      for (const done of written) done();
    });
  }

  get #open(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded;
  }

  #gather(part: Uint8Array): void {
    this.#parts.push(part);
    this.#partsBytes += part.length;
  }

  #leave(): Room {
    if (this.#partsBytes >= AT_ONCE_BYTES) this.flush();
    else this.#flushSoon();
    return this.#partsBytes + this.#socket.writableLength <= AHEAD_BYTES ? undefined : this.#wait();
  }

  /** After what is done in this turn, promises too. */
  #flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    enqueueMicrotask(this.#afterPromises);
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
