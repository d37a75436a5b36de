import type { Random } from "../ports.ts";

/** A whole number from `min` to `max`, both included. */
export function randomWhole(random: Random, min: number, max: number): number {
  let value = 0;
  for (const byte of random.bytes(6)) value = value * 256 + byte;
  return min + Math.floor((value / 2 ** 48) * (max - min + 1));
}
