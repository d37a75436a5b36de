import fc from "fast-check";
import { expect, it } from "vitest";
import { PlaceList } from "../../src/lmdb/blocks/place.ts";
import {
  decodeBlockEntry,
  decodePlaces,
  decodeState,
  encodeState,
  inlineFacts,
  sequenceKey,
} from "../../src/lmdb/formats.ts";
import {
  blockKey,
  decodeBlock,
  decodePublication,
  decodePublicationName,
  encodeBlock,
  encodePublication,
} from "../../src/node/encodings.ts";
import { newState, standing } from "../../src/store/segment-state.ts";
import { sealedBlock, segmentOf } from "../helpers/content.mjs";

const key = blockKey(segmentOf(1).id, 2);

it("reads a block as it was written", () => {
  const bytes = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2, 3), bytes, bytes, (cipher, iv, data) => {
      expect(decodeBlock(key, encodeBlock(key, { cipher, iv, data }))).toEqual({ cipher, iv, data });
    }),
  );
});

it("notices every changed byte of a block, every cut, and another key", () => {
  const value = encodeBlock(key, { ...sealedBlock(1, 2), data: sealedBlock(1, 2).data.subarray(0, 64) });
  for (let at = 0; at < value.length; at++) {
    const changed = value.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x40;
    expect(decodeBlock(key, changed), `byte ${at}`).toBeUndefined();
    expect(decodeBlock(key, value.subarray(0, at)), `cut at ${at}`).toBeUndefined();
  }
  expect(decodeBlock(blockKey(segmentOf(1).id, 3), value)).toBeUndefined();
  expect(decodeBlock(blockKey(segmentOf(2).id, 2), value)).toBeUndefined();
});

it("reads a state as it was written, and nothing that is cut", () => {
  const state = newState({ ...segmentOf(1), lengthBytes: 20 * segmentOf(1).blockSizeBytes }, 2 ** 40, 1.7e12);
  state.held.add(3);
  state.held.add(19);
  state.verified.add(19);
  state.bytes = 5e9;
  state.pins = 2;
  const places = new PlaceList();
  const place = { file: 2 ** 32 - 1, offset: 3e9, lengthBytes: 70_000 };
  places.set(19, place);
  const value = encodeState(state, places);
  expect(decodeState(value)).toEqual(state);
  for (let index = 0; index < 25; index++) {
    const { createdMs, pins } = state;
    const entry = { ...standing(state, index), createdMs, pins, place: index === 19 ? place : undefined };
    expect(decodeBlockEntry(value, index), `block ${index}`).toEqual(
      state.held.has(index) ? entry : undefined,
    );
  }
  expect(decodePlaces(value).get(19)).toEqual(place);
  for (let at = 0; at < value.length; at++)
    expect(decodeState(value.subarray(0, at)), `cut at ${at}`).toBeUndefined();
});

it("sorts sequences as numbers", () => {
  const sequence = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(sequence, sequence, (a, b) => {
      expect(Buffer.compare(sequenceKey(a), sequenceKey(b))).toBe(Math.sign(a - b));
    }),
  );
});

it("reads a publication's name without the entry", () => {
  const entry = {
    validator: "v",
    sizeBytes: 2 ** 40,
    publications: [Uint8Array.of(1, 2)],
    createdMs: 1.7e12,
  };
  const value = encodePublication("/a/ö", entry);
  expect(decodePublicationName(value)).toBe("/a/ö");
  expect(decodePublication(value)).toEqual(entry);
});

it("keeps small facts in the state, and finds them there", () => {
  const state = newState(segmentOf(1), 1, 1.7e12);
  const facts = Uint8Array.of(1, 2, 3);
  const value = encodeState(state, new PlaceList(), facts);
  expect(decodeState(value)).toEqual(state);
  expect(inlineFacts(value)).toEqual(facts);
  expect(inlineFacts(encodeState(state, new PlaceList()))).toBeUndefined();
});
