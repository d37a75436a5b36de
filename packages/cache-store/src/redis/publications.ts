/** The hash cache on a cluster, shared by all content servers behind one address. Holds hashes, and no secrets. */
import type { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { errorCode } from "@branchcache/runtime";
import type { PublicationEntry, PublicationStore, PublicationUsage } from "../block-store.ts";
import { closedError } from "../errors.ts";
import {
  decodePublication,
  decodePublicationName,
  encodePublication,
  publicationKey,
} from "../node/encodings.ts";
import type { Argument, Connection } from "./connection.ts";
import { engineError } from "./errors.ts";
import type { Keyspace } from "./keyspace.ts";

/** Without one the engine could not evict it. */
const LIFE_MS = 365 * 86_400_000;
const CHECKSUM_BYTES = 4;
/** Most names are shorter. */
const NAME_GUESS_BYTES = 512;

export class RedisPublicationStore implements PublicationStore {
  readonly #connection: Connection;
  readonly #keys: Keyspace;
  #closed = false;

  constructor(connection: Connection, keys: Keyspace) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** Undefined as well where the cluster does not answer. */
  async get(key: string): Promise<PublicationEntry | undefined> {
    this.#assertOpen();
    try {
      const value = (await this.#connection.read(this.#keyOf(key), "get")) as Buffer | null;
      return value ? readEntry(value, key) : undefined;
    } catch (error) {
      if (errorCode(error) === "BC_STORE_UNREACHABLE") return undefined;
      throw engineError(error);
    }
  }

  async put(key: string, entry: PublicationEntry): Promise<void> {
    this.#assertOpen();
    const packed = encodePublication(key, entry);
    const value = new Uint8Array(CHECKSUM_BYTES + packed.length);
    new DataView(value.buffer).setUint32(0, crc32(packed), true);
    value.set(packed, CHECKSUM_BYTES);
    await this.#write(key, "set", value, "PX", LIFE_MS);
  }

  async delete(key: string): Promise<void> {
    this.#assertOpen();
    await this.#write(key, "unlink");
  }

  async *keys(): AsyncIterable<string> {
    for await (const { key } of this.#walk()) {
      const name = await this.#nameOf(key);
      if (name !== undefined) yield name;
      if (this.#closed) return;
    }
  }

  async usage(): Promise<PublicationUsage> {
    let [bytes, entries] = [0, 0];
    for await (const { key } of this.#walk()) {
      bytes += Number(await this.#connection.read(key, "strlen"));
      entries++;
    }
    return { bytes, limitBytes: undefined, entries };
  }

  shut(): void {
    this.#closed = true;
  }

  async *#walk(): AsyncIterable<{ readonly key: string }> {
    this.#assertOpen();
    for await (const page of this.#keys.walk(this.#connection, "publication")) yield* page;
  }

  async #nameOf(key: string): Promise<string | undefined> {
    const start = (await this.#connection.read(key, "getrange", CHECKSUM_BYTES, NAME_GUESS_BYTES)) as Buffer;
    if (start.length < 4) return undefined;
    const nameBytes = start.readUInt32LE(0);
    if (4 + nameBytes <= start.length) return decodePublicationName(start);
    const end = CHECKSUM_BYTES + 4 + nameBytes - 1;
    const whole = (await this.#connection.read(key, "getrange", CHECKSUM_BYTES, end)) as Buffer;
    return whole.length === 4 + nameBytes ? decodePublicationName(whole) : undefined;
  }

  async #write(key: string, command: string, ...args: readonly Argument[]): Promise<void> {
    try {
      await this.#connection.write(this.#keyOf(key), command, ...args);
    } catch (error) {
      throw engineError(error);
    }
  }

  #keyOf(key: string): string {
    return this.#keys.publication(publicationKey(key));
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

/** Undefined for what was not written so, or under another name. */
function readEntry(value: Buffer, key: string): PublicationEntry | undefined {
  const packed = value.subarray(CHECKSUM_BYTES);
  if (value.length < CHECKSUM_BYTES + 4 || value.readUInt32LE(0) !== crc32(packed)) return undefined;
  try {
    return decodePublicationName(packed) === key ? decodePublication(packed) : undefined;
  } catch {
    return undefined;
  }
}
