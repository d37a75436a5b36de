/** Reads a package or reference file as a stream, one record at a time, and checks it as it goes. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { concatBytes, equalBytes } from "@branchcache/runtime";
import {
  damaged,
  decodeObject,
  type EndRecord,
  HEADER_BYTES,
  MAGIC,
  MAX_PAYLOAD_BYTES,
  type RecordType,
  recordType,
  type StartRecord,
  TRAILER_BYTES,
} from "./records.ts";

export interface RawRecord {
  readonly type: RecordType;
  readonly payload: Uint8Array;
  /** Where the next one starts. */
  readonly endBytes: number;
}

/**
 * Whole records, in order, up to the end record. Throws `BC_PACKAGE_DAMAGED` for anything else than a whole file,
 * after all that is good before it.
 */
export async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  kind: StartRecord["kind"],
): AsyncGenerator<RawRecord, void, undefined> {
  const bytes = new ByteQueue(source);
  const hash = createHash("sha256");
  const magic = await bytes.take(MAGIC.length);
  if (!equalBytes(magic, MAGIC)) throw damaged("not a BranchCache package");
  hash.update(magic);
  let endBytes = MAGIC.length;
  for (let count = 0; ; count++) {
    const header = await bytes.take(HEADER_BYTES);
    const length = new DataView(header.buffer, header.byteOffset).getUint32(4, true);
    const type = recordType(header);
    if (!type || length > MAX_PAYLOAD_BYTES) throw damaged(`no record at byte ${endBytes}`);
    const rest = await bytes.take(length + TRAILER_BYTES);
    const payload = rest.subarray(0, length);
    const checksum = new DataView(rest.buffer, rest.byteOffset + length, TRAILER_BYTES).getUint32(0, true);
    if (crc32(payload, crc32(header)) !== checksum) throw damaged(`a wrong checksum at byte ${endBytes}`);
    endBytes += HEADER_BYTES + rest.length;
    if ((count === 0) !== (type === "start")) throw damaged("records in the wrong order");
    if (type === "start") checkStart(decodeObject<StartRecord>(payload), kind);
    if (type === "end") {
      const end = decodeObject<EndRecord>(payload);
      if (!(end.hash instanceof Uint8Array) || !equalBytes(hash.digest(), end.hash))
        throw damaged("the hash of the whole is wrong");
      yield { type, payload, endBytes };
      return;
    }
    hash.update(header);
    hash.update(rest);
    yield { type, payload, endBytes };
  }
}

function checkStart({ version, kind: found }: StartRecord, kind: StartRecord["kind"]): void {
  if (version !== 1) throw damaged(`version ${version}, this program reads version 1`);
  if (found !== kind) throw damaged(`a ${found} file where a ${kind} file was expected`);
}

/** Exact pieces out of chunks of any size. */
class ByteQueue {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > this.#rest.length) {
      parts.push(this.#rest);
      missing -= this.#rest.length;
      const next = await this.#iterator.next();
      if (next.done) throw damaged("the file is cut off");
      this.#rest = next.value;
    }
    parts.push(this.#rest.subarray(0, missing));
    this.#rest = this.#rest.subarray(missing);
    // Always a copy: what is lent out may be written over by whoever fills the chunks.
    return concatBytes(...parts);
  }
}
