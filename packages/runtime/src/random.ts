/**
 * Randomness is an argument, so that a seed makes a test repeatable. `systemRandom` of `./node` is the real one,
 * `seededRandom` of `./testing` the repeatable one.
 */
import { toHex } from "./bytes.ts";

/** A source of random bytes. */
export interface Random {
  /** `length` fresh bytes, owned by the caller. */
  bytes(length: number): Uint8Array;
}

/** A whole number from `min` to `max`, both included. */
export function randomInteger(random: Random, min: number, max: number): number {
  return min + Math.floor(randomFraction(random) * (max - min + 1));
}

/** A number from 0 up to, but not including, 1. */
export function randomFraction(random: Random): number {
  const bytes = random.bytes(6);
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value / 2 ** 48;
}

/** A version 4 UUID in lower case, without `urn:uuid:`. RFC 9562 5.4. */
export function randomUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
