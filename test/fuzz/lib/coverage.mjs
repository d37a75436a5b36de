// @ts-check
/**
 * What a run went through. The instrumented modules count statements, functions and branches; their counters are
 * put into one array, so that a look at all of them costs microseconds.
 */

/** Of all counters together; the modules of a server come to some 20,000. */
const ROOM = 1 << 17;
/** Counts that are told apart: once, twice, three times, up to 7, 15, 31, 127, and more. */
const BUCKETS = 8;

/** @param {number} count */
function bucketOf(count) {
  if (count <= 3) return count - 1;
  if (count <= 7) return 3;
  if (count <= 15) return 4;
  if (count <= 31) return 5;
  return count <= 127 ? 6 : 7;
}

/** @typedef {{ s: ArrayLike<number>, f: ArrayLike<number>, b: Record<string, ArrayLike<number>> }} FileCounters */

export class Coverage {
  #counters = new Uint32Array(ROOM);
  #used = 0;
  #attached = new Set();
  #seen = new Uint8Array(ROOM * BUCKETS);
  /** Different counters and counts seen so far. */
  features = 0;

  /** Takes in the modules that were loaded since. */
  attach() {
    for (const [path, file] of Object.entries(instrumentedFiles())) {
      if (this.#attached.has(path)) continue;
      this.#attached.add(path);
      file.s = this.#place(file.s);
      file.f = this.#place(file.f);
      for (const [branch, counts] of Object.entries(file.b)) file.b[branch] = this.#place(counts);
    }
  }

  /** @param {ArrayLike<number> | Record<string, number>} counts */
  #place(counts) {
    const length = Object.keys(counts).length;
    const placed = this.#counters.subarray(this.#used, this.#used + length);
    if (placed.length < length) throw new Error(`more than ${ROOM} counters`);
    this.#used += length;
    return placed;
  }

  /** Before a run. */
  clear() {
    this.#counters.fill(0, 0, this.#used);
  }

  /** After it: what had not been seen before, and is from now on; and how much was done altogether. */
  take() {
    let fresh = 0;
    let work = 0;
    for (let i = 0; i < this.#used; i++) {
      const count = this.#counters[i] ?? 0;
      if (count === 0) continue;
      work += count;
      const feature = i * BUCKETS + bucketOf(count);
      if (this.#seen[feature] === 1) continue;
      this.#seen[feature] = 1;
      fresh++;
    }
    this.features += fresh;
    return { fresh, work };
  }

  /** All features of the last run, new or not. */
  featuresOfRun() {
    const found = new Set();
    for (let i = 0; i < this.#used; i++) {
      const count = this.#counters[i] ?? 0;
      if (count > 0) found.add(i * BUCKETS + bucketOf(count));
    }
    return found;
  }

  /** Paths of the modules that are counted. */
  get modules() {
    return [...this.#attached];
  }
}

/** @returns {Record<string, FileCounters>} */
function instrumentedFiles() {
  return /** @type {{ __coverage__?: Record<string, FileCounters> }} */ (globalThis).__coverage__ ?? {};
}
