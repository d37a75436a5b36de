/** Names of keys. What belongs to one segment has one key, and with it one hash slot; the braces keep it so for whatever is added. */
import type { Buffer } from "node:buffer";
import type { SegmentId } from "@branchcache/content-info";
import { fromHex, toHex } from "@branchcache/runtime";
import { StoreError } from "../errors.ts";
import type { Connection } from "./connection.ts";

/** Asked for at once; the engine serves nobody else meanwhile. */
const PAGE_KEYS = 256;

export class Keyspace {
  readonly #prefix: string;

  /** Throws `BC_STORE_INVALID`. */
  constructor(prefix: string) {
    if (!/^[\w:.-]{1,64}$/.test(prefix)) {
      throw new StoreError(
        "BC_STORE_INVALID",
        `a key prefix of other than 1 to 64 letters, digits, ":", ".", "-", "_"`,
      );
    }
    this.#prefix = prefix;
  }

  segment(id: SegmentId): string {
    return `${this.#prefix}segment:{${toHex(id)}}`;
  }

  /** `hash` stands for the publication's own key, which may be of any length. */
  publication(hash: Uint8Array): string {
    return `${this.#prefix}publication:{${toHex(hash)}}`;
  }

  /** Settings and counts of the store as a whole. */
  whole(what: "settings" | "counts" | "latest"): string {
    return `${this.#prefix}{store}:${what}`;
  }

  /** All keys of a kind, master by master. What comes and goes meanwhile may be missed, or seen twice. */
  async *walk(
    connection: Connection,
    kind: "segment" | "publication",
  ): AsyncIterable<readonly { readonly key: string; readonly id: Uint8Array }[]> {
    const start = `${this.#prefix}${kind}:{`;
    for (const node of connection.masters()) {
      let cursor = "0";
      do {
        const reply = await connection.askNode(
          node,
          "scan",
          cursor,
          "MATCH",
          `${start}*}`,
          "COUNT",
          PAGE_KEYS,
        );
        const [next, found] = reply as [Buffer, Buffer[]];
        cursor = next.toString();
        const keys = [...new Set(found.map(String))];
        yield keys.flatMap((key) => {
          const id = fromHex(key.slice(start.length, -1));
          return id ? [{ key, id }] : [];
        });
      } while (cursor !== "0");
    }
  }
}
