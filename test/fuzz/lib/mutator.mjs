// @ts-check
/** Changes an input at random: bits, numbers, lengths, words of a dictionary, parts of other inputs. */
import { readFileSync } from "node:fs";

/** @typedef {import("./random.mjs").FuzzRandom} FuzzRandom */

/** Where signs, limits and sizes change. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095];
const WIDE_EDGES = [
  32_767, 32_768, 65_535, 65_536, 65_537, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
];
const MAX_CHANGES = 6;

export class Mutator {
  #random;
  #dictionary;
  #maxBytes;

  /**
   * @param {FuzzRandom} random
   * @param {readonly Uint8Array[]} dictionary
   * @param {number} maxBytes
   */
  constructor(random, dictionary, maxBytes) {
    this.#random = random;
    this.#dictionary = dictionary;
    this.#maxBytes = maxBytes;
  }

  /**
   * @param {Uint8Array} parent
   * @param {Uint8Array} other Another input, to take parts of.
   * @returns {Uint8Array}
   */
  mutate(parent, other) {
    /** @type {Uint8Array} */
    let bytes = parent.slice();
    for (let changes = 1 + this.#random.below(1 + this.#random.below(MAX_CHANGES)); changes > 0; changes--) {
      bytes = this.#change(bytes, other);
    }
    return bytes.length > this.#maxBytes ? bytes.slice(0, this.#maxBytes) : bytes;
  }

  /**
   * @param {Uint8Array} bytes Is changed where that is enough.
   * @param {Uint8Array} other
   * @returns {Uint8Array}
   */
  #change(bytes, other) {
    const random = this.#random;
    const at = this.#place(bytes);
    switch (random.below(13)) {
      case 0:
        if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        return bytes;
      case 1:
        if (bytes.length > 0) bytes[at] = random.below(256);
        return bytes;
      case 2:
        return writeNumber(bytes, at, random, edge(random));
      case 3:
        return addToNumber(bytes, at, random);
      case 4:
        return replaced(bytes, at, random.below(Math.min(bytes.length - at, 64) + 1), EMPTY);
      case 5:
        return bytes.slice(0, at);
      case 6:
        return replaced(bytes, at, 0, this.#part(bytes));
      case 7:
        return replaced(bytes, at, 0, randomBytes(random, 1 + random.below(16)));
      case 8:
        return replaced(bytes, at, 0, this.#word());
      case 9: {
        const word = this.#word();
        return replaced(bytes, at, word.length, word);
      }
      case 10:
        return replaced(bytes, at, 0, this.#part(other));
      case 11: {
        const part = this.#part(other);
        return replaced(bytes, at, part.length, part);
      }
      default:
        return this.#repeated(bytes, at);
    }
  }

  /** Heads decide most: half of all changes go there. @param {Uint8Array} bytes */
  #place(bytes) {
    const { length } = bytes;
    return this.#random.below(this.#random.oneIn(2) ? Math.min(length, 64) + 1 : length + 1);
  }

  /** @param {Uint8Array} bytes */
  #part(bytes) {
    const from = this.#place(bytes);
    return bytes.slice(from, from + 1 + this.#random.below(this.#random.oneIn(4) ? 512 : 24));
  }

  #word() {
    return this.#dictionary.length === 0 ? randomBytes(this.#random, 4) : this.#random.pick(this.#dictionary);
  }

  /** Something a few times over: counts, depths and lengths grow. @param {Uint8Array} bytes @param {number} at */
  #repeated(bytes, at) {
    const unit = this.#random.oneIn(2) ? this.#word() : this.#part(bytes);
    const times = 1 + this.#random.below(this.#random.oneIn(8) ? 256 : 8);
    const whole = new Uint8Array(Math.min(unit.length * times, this.#maxBytes));
    for (let i = 0; i < whole.length; i++) whole[i] = unit[i % unit.length] ?? 0;
    return replaced(bytes, at, 0, whole);
  }
}

const EMPTY = new Uint8Array(0);

/** @param {FuzzRandom} random */
function edge(random) {
  return random.pick(random.oneIn(3) ? WIDE_EDGES : EDGES);
}

/** @param {FuzzRandom} random @param {number} length */
function randomBytes(random, length) {
  return Uint8Array.from({ length }, () => random.below(256));
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} length
 * @param {Uint8Array} by
 */
function replaced(bytes, at, length, by) {
  const rest = bytes.subarray(Math.min(at + length, bytes.length));
  const result = new Uint8Array(at + by.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(by, at);
  result.set(rest, at + by.length);
  return result;
}

/** Of 1, 2, 4 or 8 bytes, in either order. @param {Uint8Array} bytes @param {number} at @param {FuzzRandom} random */
function numberAt(bytes, at, random) {
  const size = random.pick([1, 2, 2, 4, 4, 8]);
  const order = Array.from({ length: size }, (_, i) => at + i);
  if (random.oneIn(2)) order.reverse();
  return at + size <= bytes.length ? order : undefined;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {FuzzRandom} random
 * @param {number} value
 */
function writeNumber(bytes, at, random, value) {
  let rest = value;
  for (const index of numberAt(bytes, at, random) ?? []) {
    bytes[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** @param {Uint8Array} bytes @param {number} at @param {FuzzRandom} random */
function addToNumber(bytes, at, random) {
  let carry = random.below(71) - 35;
  for (const index of numberAt(bytes, at, random) ?? []) {
    const sum = (bytes[index] ?? 0) + carry;
    bytes[index] = sum;
    carry = Math.floor(sum / 256);
  }
  return bytes;
}

/** Words and numbers that the code itself names. @param {readonly string[]} paths Of modules. */
export function dictionaryOf(paths) {
  /** @type {Map<string, Uint8Array>} */
  const words = new Map();
  /** @param {Uint8Array} word */
  const add = (word) => words.set(Buffer.from(word).toString("latin1"), word);
  for (const path of paths) {
    const code = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, text = ""] of code.matchAll(/"((?:[^"\\\n]|\\.){2,48})"/g)) {
      if (!text.startsWith(".") && !text.startsWith("@") && !text.includes(" ")) add(Buffer.from(text));
    }
    for (const [digits] of code.matchAll(/\b(?:0x[0-9a-f][0-9a-f_]*|[1-9][0-9_]*)\b/gi)) {
      const value = Number(digits.replaceAll("_", ""));
      if (value > 0xffff_ffff || value < 4) continue;
      for (const size of [2, 4]) {
        if (value >= 256 ** size) continue;
        const word = Buffer.alloc(size);
        word.writeUIntBE(value, 0, size);
        add(Uint8Array.from(word));
        add(Uint8Array.from(word).reverse());
      }
    }
  }
  return [...words.values()];
}
