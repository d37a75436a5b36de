import fc from "fast-check";
import {
  bytes,
  constant,
  type Decoded,
  fromHex,
  list,
  oneOf,
  refine,
  sizedBytes,
  struct,
  u8,
  u16be,
  u16le,
  u32be,
  u64le,
} from "../../src/index.ts";

/** Hexadecimal with spaces between the fields. */
export const hex = (text: string): Uint8Array => {
  const found = fromHex(text.replaceAll(" ", ""));
  if (!found) throw new Error(`no hexadecimal: ${text}`);
  return found;
};

const segment = struct("Segment", {
  offsetBytes: u64le,
  hashBytes: oneOf(u8, [2, 4]),
  hash: (before: { hashBytes: number }) => bytes(before.hashBytes),
});

/** A structure with one of everything. */
export const message = struct("Message", {
  version: constant(u16be, 0x0100),
  segments: list(u16le, segment, { min: 1, max: 3 }),
  vendor: sizedBytes(u32be, { max: 5, padTo: 4 }),
  tail: refine(u8, (value) => (value % 2 === 0 ? undefined : `${value} is odd`)),
});
export type Message = Decoded<typeof message>;

export const good: Message = {
  version: 0x0100,
  segments: [
    { offsetBytes: 0, hashBytes: 2, hash: hex("aabb") },
    { offsetBytes: 65_536, hashBytes: 4, hash: hex("00112233") },
  ],
  vendor: hex("0102030405"),
  tail: 8,
};
export const goodBytes = hex(
  "0100 0200 0000000000000000 02 aabb 0000010000000000 04 00112233 00000005 0102030405 000000 08",
);

const anySegment = fc.constantFrom<2 | 4>(2, 4).chain((hashBytes) =>
  fc.record({
    offsetBytes: fc.maxSafeNat(),
    hashBytes: fc.constant(hashBytes),
    hash: fc.uint8Array({ minLength: hashBytes, maxLength: hashBytes }),
  }),
);
export const anyMessage: fc.Arbitrary<Message> = fc.record({
  version: fc.constant(0x0100),
  segments: fc.array(anySegment, { minLength: 1, maxLength: 3 }),
  vendor: fc.uint8Array({ maxLength: 5 }),
  tail: fc.nat(127).map((half) => 2 * half),
});

/** Good bytes with one of them changed. */
export const changedBytes: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.nat(goodBytes.length - 1), fc.nat(255))
  .map(([at, byte]) => goodBytes.with(at, byte));
