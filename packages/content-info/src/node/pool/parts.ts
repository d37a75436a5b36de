/**
 * One file hashed in several parts at the same time. A part's segments are cut as though one began at the part's start; each part goes
 * on until its cuts meet those of the next, so joining them gives the cuts of the whole.
 */
import type { HashSink } from "./hash-sink.ts";
import type { PartFault, PartHashes, PartResult, PartTask } from "./hash-task.ts";

export interface PartsOptions {
  readonly descriptor: number;
  readonly fileBytes: number;
  /** A multiple of 64 KiB, and several MiB: the overrun is work done twice. */
  readonly partBytes: number;
  readonly blocksBy: PartTask["blocksBy"];
  readonly segments: boolean;
  /** As `PartTask.stop`. Set when a part fails, and by a caller that wants to end the work. */
  readonly stop: Int32Array;
  /** How many parts are hashed at the same time. */
  readonly ahead: number;
  readonly run: (task: PartTask) => Promise<PartResult>;
  readonly onFault: (fault: PartFault) => Error;
  /** After each part, in order; throws to stop. */
  readonly onPart: (bytesDone: number) => void;
}

const SEGMENT_HASH_BYTES = 32;

/** Fills the sink in content order. On failure waits for the workers to stop, so that the file may be closed. */
export async function hashParts(options: PartsOptions, sink: HashSink): Promise<void> {
  const { fileBytes, partBytes, ahead } = options;
  const count = Math.ceil(fileBytes / partBytes);
  const underWay: Promise<PartResult>[] = [];
  const join = new Join(options, sink);
  let started = 0;
  try {
    for (let part = 0; part < count; part++) {
      for (; started < Math.min(part + ahead, count); started++) {
        const result = options.run(partTask(options, started * partBytes, options.blocksBy));
        // It may fail while an earlier one is awaited; whoever awaits it hears of that.
        result.catch(() => undefined);
        underWay.push(result);
      }
      await join.add(part, hashesOf(await underWay[0]!, options));
      underWay.splice(0, 1);
      options.onPart(Math.min((part + 1) * partBytes, fileBytes));
    }
  } finally {
    Atomics.store(options.stop, 0, 1);
    await Promise.allSettled(underWay);
  }
}

function partTask(options: PartsOptions, startBytes: number, blocksBy: PartTask["blocksBy"]): PartTask {
  const { descriptor, fileBytes, partBytes, segments, stop } = options;
  const endBytes = Math.min((Math.floor(startBytes / partBytes) + 1) * partBytes, fileBytes);
  return { descriptor, fileBytes, startBytes, endBytes, blocksBy, segments, stop };
}

function hashesOf(result: PartResult, { onFault }: PartsOptions): PartHashes {
  if ("offsetBytes" in result) throw onFault(result);
  return result;
}

/** Puts the parts together in content order. */
class Join {
  readonly #options: PartsOptions;
  readonly #sink: HashSink;
  /** Where the next segment begins: all before it are known. */
  #atBytes = 0;
  /** The next part whose segments are taken: those of the parts before it are known already. */
  #nextPart = 0;

  constructor(options: PartsOptions, sink: HashSink) {
    this.#options = options;
    this.#sink = sink;
  }

  async add(part: number, hashes: PartHashes): Promise<void> {
    this.#sink.blockHashes.append(hashes.blockHashes);
    if (!this.#options.segments || part < this.#nextPart) return;
    this.#take(part * this.#options.partBytes, hashes);
    this.#nextPart = part + 1;
    let { met } = hashes;
    // Cuts that do not meet are followed one part after another until they do.
    while (!met) {
      const task = partTask(this.#options, this.#atBytes, undefined);
      const followed = hashesOf(await this.#options.run(task), this.#options);
      this.#take(this.#atBytes, followed);
      this.#nextPart = Math.ceil(task.endBytes / this.#options.partBytes);
      met = followed.met;
    }
  }

  #take(startBytes: number, { segmentLengths, segmentHashes }: PartHashes): void {
    let start = startBytes;
    for (const [index, length] of segmentLengths.entries()) {
      if (start === this.#atBytes) {
        this.#sink.segmentLengths.push(length);
        const at = index * SEGMENT_HASH_BYTES;
        this.#sink.segmentHashes.append(segmentHashes.subarray(at, at + SEGMENT_HASH_BYTES));
        this.#atBytes += length;
      }
      start += length;
    }
  }
}
