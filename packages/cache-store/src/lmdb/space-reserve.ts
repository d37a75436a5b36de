/**
 * A small file that is given up when the disk is full: LMDB writes pages anew even to remove something, so
 * that on a disk filled to the brim nothing could ever be removed.
 */
import { stat, statfs, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { leaveToOwner } from "./ownership.ts";

const RESERVE_BYTES = 2 * 2 ** 20;
export const RESERVE_FILE = "reserve";

export class SpaceReserve {
  readonly #place: { readonly path: string };

  /** In the directory that `place` names at the time. */
  constructor(place: { readonly path: string }) {
    this.#place = place;
  }

  get #path(): string {
    return join(this.#place.path, RESERVE_FILE);
  }

  /** Sets the space aside, if there is enough that nobody will miss it. */
  async fill(): Promise<void> {
    try {
      if ((await this.#size()) >= RESERVE_BYTES) return;
      const { bavail, bsize } = await statfs(this.#place.path);
      if (bavail * bsize < 2 * RESERVE_BYTES) return;
      // Real bytes: a hole would reserve nothing.
      await writeFile(this.#path, new Uint8Array(RESERVE_BYTES).fill(0xa5), { mode: 0o600 });
      await leaveToOwner([this.#path]);
    } catch {
      // Without a reserve all works, until the disk is full.
    }
  }

  /** Gives the space back to the disk. False if there was none. */
  async release(): Promise<boolean> {
    try {
      if ((await this.#size()) === 0) return false;
      await truncate(this.#path, 0);
      return true;
    } catch {
      return false;
    }
  }

  async #size(): Promise<number> {
    return stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    );
  }
}
