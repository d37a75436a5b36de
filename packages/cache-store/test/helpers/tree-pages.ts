import { open } from "node:fs/promises";

/** Of LMDB, on machines with pages of this size. */
export const PAGE_BYTES = 4096;

/** The numbers of the pages that trees are made of: a header of a branch or a leaf, and the page's own number in it. */
export function treePages(file: Uint8Array): readonly number[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const pages = Array.from({ length: Math.floor(file.length / PAGE_BYTES) }, (_, page) => page).slice(2);
  return pages.filter((page) => {
    const kind = view.getUint16(page * PAGE_BYTES + 18, true);
    return view.getBigUint64(page * PAGE_BYTES, true) === BigInt(page) && (kind === 1 || kind === 2);
  });
}

/** Writes over part of a file. */
export async function overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}
