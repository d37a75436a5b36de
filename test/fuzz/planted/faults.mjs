// @ts-check
/** Targets with a fault each, behind conditions that chance alone does not meet: what fuzzing has to find. */
/** @typedef {import("../lib/target.mjs").Target} Target */

/**
 * @param {string} name
 * @param {() => unknown} fault
 * @returns {Target}
 */
const behindFourBytes = (name, fault) => ({
  name,
  maxBytes: 64,
  seeds: () => [new Uint8Array(8)],
  async open() {
    return {
      run(bytes) {
        // One byte after the other, so that each is a step that can be seen.
        if (bytes[0] !== 0x4b) return "refused";
        if (bytes[1] !== 0x65) return "first";
        if (bytes[2] !== 0x79) return "second";
        if (bytes[3] !== 0x21) return "third";
        fault();
        return "opened";
      },
    };
  },
});

/** @type {Uint8Array[]} */
const kept = [];

export const targets = [
  behindFourBytes("throws", () => {
    throw new TypeError("planted");
  }),
  behindFourBytes("hangs", () => {
    for (;;);
  }),
  behindFourBytes("takes-memory", () => kept.push(new Uint8Array(100_000_000))),
  behindFourBytes("throws-later", () => {
    setImmediate(() => {
      throw new TypeError("planted, and thrown by nobody's call");
    });
  }),
  behindFourBytes("takes-steps", () => {
    let sum = 0;
    for (let i = 0; i < 1_000_000; i++) sum += i;
    return sum;
  }),
];
