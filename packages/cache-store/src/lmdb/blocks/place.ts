/** Where blocks lie: stretches of the block files, twelve bytes each. */

export interface Place {
  /** Number of the file; from 1 on. */
  readonly file: number;
  /** Of the block's value, behind what `record.ts` puts before it. */
  readonly offset: number;
  /** Of the value. */
  readonly lengthBytes: number;
}

export const PLACE_BYTES = 12;

/** The places of one segment's blocks, by index. */
export class PlaceList {
  #bytes: Uint8Array;

  /** Takes over `bytes`. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes;
  }

  get(index: number): Place | undefined {
    return decodePlace(this.#bytes, index * PLACE_BYTES);
  }

  set(index: number, place: Place): void {
    const end = (index + 1) * PLACE_BYTES;
    if (this.#bytes.length < end) {
      const longer = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + index * PLACE_BYTES, PLACE_BYTES);
    view.setUint32(0, place.file, true);
    view.setUint32(4, place.offset, true);
    view.setUint32(8, place.lengthBytes, true);
  }

  delete(index: number): void {
    this.#bytes.fill(0, index * PLACE_BYTES, (index + 1) * PLACE_BYTES);
  }

  inFile(file: number): { readonly index: number; readonly place: Place }[] {
    const found: { index: number; place: Place }[] = [];
    for (let index = 0; (index + 1) * PLACE_BYTES <= this.#bytes.length; index++) {
      const place = this.get(index);
      if (place?.file === file) found.push({ index, place });
    }
    return found;
  }

  /** `totalBlocks` places; those that are not known are zeros. */
  writeTo(target: Uint8Array, offset: number, totalBlocks: number): void {
    target.set(this.#bytes.subarray(0, totalBlocks * PLACE_BYTES), offset);
  }
}

/** Undefined where there is none. */
export function decodePlace(bytes: Uint8Array, offset: number): Place | undefined {
  if (offset + PLACE_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, PLACE_BYTES);
  const file = view.getUint32(0, true);
  if (file === 0) return undefined;
  return { file, offset: view.getUint32(4, true), lengthBytes: view.getUint32(8, true) };
}

export function isSamePlace(a: Place | undefined, b: Place): boolean {
  return a !== undefined && a.file === b.file && a.offset === b.offset && a.lengthBytes === b.lengthBytes;
}
