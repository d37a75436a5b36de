/** Reads blocks from their files. Synchronous: what lies in the page cache costs less than a thread's turn. */
import { closeSync, openSync, readSync } from "node:fs";
import { errorCode } from "@branchcache/runtime";
import { blockFilePath } from "./directory.ts";
import type { Place } from "./place.ts";

/** Files kept open, the most recently read. */
const MOST_OPEN = 128;

export class BlockReader {
  readonly #place: { readonly path: string };
  readonly #open = new Map<number, number>();

  /** From the store that `place` names at the time. */
  constructor(place: { readonly path: string }) {
    this.#place = place;
  }

  /**
   * Fills `into`, which has the place's length. False if the file is not there, is too short, or cannot be read there:
   * then the place is out of date, or the disk is damaged. Throws what else the system throws.
   */
  read({ file, offset }: Place, into: Uint8Array): boolean {
    try {
      const descriptor = this.#descriptor(file);
      for (let done = 0; done < into.length; ) {
        const count = readSync(descriptor, into, done, into.length - done, offset + done);
        if (count === 0) return false;
        done += count;
      }
      return true;
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT" || code === "EIO") return false;
      throw error;
    }
  }

  forget(file: number): void {
    const descriptor = this.#open.get(file);
    if (descriptor === undefined) return;
    this.#open.delete(file);
    closeSync(descriptor);
  }

  close(): void {
    for (const file of [...this.#open.keys()]) this.forget(file);
  }

  #descriptor(file: number): number {
    const known = this.#open.get(file);
    if (known !== undefined && this.#open.size < MOST_OPEN) return known;
    const descriptor = known ?? openSync(blockFilePath(this.#place.path, file), "r");
    // The most recent comes last.
    this.#open.delete(file);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size < MOST_OPEN) break;
      this.forget(oldest);
    }
    this.#open.set(file, descriptor);
    return descriptor;
  }
}
