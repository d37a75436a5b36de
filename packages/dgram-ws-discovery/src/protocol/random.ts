import type { Random } from "../ports.ts";

/** A whole number from `min` to `max`, both included. */
export function randomInteger(random: Random, min: number, max: number): number {
  const bytes = random.bytes(6);
  let value = 0;
  for (let i = 0; i < bytes.length; i++) value = value * 256 + bytes[i]!;
  return min + Math.floor((value / 2 ** 48) * (max - min + 1));
}

const POOL_BYTES = 1_024;

/** The same source, read 1,024 bytes at a time: a call of it costs far more than the bytes it gives. */
export function pooledRandom(random: Random): Random {
  let pool: Uint8Array = new Uint8Array(0);
  let taken = 0;
  return {
    bytes(length) {
      if (length > POOL_BYTES) return random.bytes(length);
      if (taken + length > pool.length) {
        pool = random.bytes(POOL_BYTES);
        taken = 0;
      }
      taken += length;
      return pool.slice(taken - length, taken);
    },
  };
}
