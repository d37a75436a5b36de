/**
 * Walks through the pages of an LMDB data file without LMDB, which maps the file and may take the process along when
 * a page is not what it should be. Reads the trees only, about a hundredth of a file of blocks: what blocks hold is
 * covered by their checksums. Layout: `mdb.c` of LMDB 0.9.90, data version 2, little-endian.
 */
import { promises as fs, readSync } from "node:fs";
import { join } from "node:path";
import { errorMessage } from "@branchcache/runtime";
import { DATA_FILE, type Meta, readNewestMeta } from "./surroundings.ts";

const PAGE = { number: 0, flags: 18, lower: 20, upper: 22 } as const;
/** Offsets within a page count from here. */
const PAGE_HEADER_BYTES = 24;
const BRANCH = 1;
const LEAF = 2;
const KINDS = BRANCH | LEAF | 0x04 | 0x08 | 0x20 | 0x40;
const NODE_HEADER_BYTES = 8;
const NODE = { size: 0, flags: 4, keyBytes: 6 } as const;
/** The value lies on pages of its own; the node says where. */
const BIG_DATA = 1;
/** The value is the root of a table. */
const SUB_TREE = 2;
const OVERFLOW_BYTES = 24;
const OVERFLOW = { page: 0, pages: 16 } as const;
const TREE_BYTES = 48;
const TREE = { depth: 6, branchPages: 8, leafPages: 16, overflowPages: 24, entries: 32, root: 40 } as const;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** More than any file of this size needs. */
const MOST_DEPTH = 32;
const PAGES_AT_A_TIME = 16;

interface Tree {
  readonly root: bigint;
  readonly depth: number;
  readonly branchPages: bigint;
  readonly leafPages: bigint;
  readonly overflowPages: bigint;
  readonly entries: bigint;
}

class Damage extends Error {}

/**
 * What is wrong with the trees of the data file in `path`; undefined if nothing, or if somebody else has written to it
 * meanwhile, who would have noticed. `inspectDataFile` must have found two meta pages.
 */
export async function findPageDamage(path: string): Promise<string | undefined> {
  const file = await fs.open(join(path, DATA_FILE), "r");
  try {
    const meta = await readNewestMeta(file);
    const { size } = await file.stat();
    try {
      await new PageCheck(file.fd, meta, size).run();
      return undefined;
    } catch (error) {
      if ((await readNewestMeta(file)).transaction !== meta.transaction) return undefined;
      return errorMessage(error);
    }
  } finally {
    await file.close();
  }
}

const COUNTS = ["branchPages", "leafPages", "overflowPages", "entries"] as const;

/** What a tree says of itself, and what has been found of it. */
interface Counted {
  readonly tree: Tree;
  /** Its keys are bytes in order. */
  readonly isSorted: boolean;
  readonly found: Record<(typeof COUNTS)[number], bigint>;
}

class PageCheck {
  readonly #descriptor: number;
  readonly #meta: Meta;
  readonly #fileBytes: number;
  readonly #seen = new Set<number>();
  readonly #trees: Counted[] = [];
  /** Pages not looked at yet; the root of a tree is at level 1. */
  readonly #waiting: { readonly number: bigint; readonly level: number; readonly of: Counted }[] = [];

  constructor(descriptor: number, meta: Meta, fileBytes: number) {
    this.#descriptor = descriptor;
    this.#meta = meta;
    this.#fileBytes = fileBytes;
  }

  async run(): Promise<void> {
    // The keys of the first tree, of free pages, are integers.
    for (const [i, tree] of this.#meta.trees.entries()) this.#add(decodeTree(tree), i > 0);
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      this.#visit(next.number, next.level, next.of);
      if (this.#seen.size % PAGES_AT_A_TIME === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { tree, found } of this.#trees) {
      for (const name of COUNTS)
        if (found[name] !== tree[name])
          throw new Damage(`a tree of ${found[name]} ${name}, not ${tree[name]}`);
    }
  }

  #add(tree: Tree, isSorted: boolean): void {
    const found = { branchPages: 0n, leafPages: 0n, overflowPages: 0n, entries: 0n };
    const counted = { tree, isSorted, found };
    this.#trees.push(counted);
    if (tree.root === NO_PAGE) return;
    if (tree.depth === 0 || tree.depth > MOST_DEPTH) throw new Damage(`a tree ${tree.depth} pages deep`);
    this.#waiting.push({ number: tree.root, level: 1, of: counted });
  }

  #visit(number: bigint, level: number, of: Counted): void {
    const { tree, isSorted, found } = of;
    const isLeaf = level === tree.depth;
    const nodes = this.#page(number, isLeaf ? LEAF : BRANCH).nodes(isSorted);
    if (!isLeaf) {
      found.branchPages++;
      for (const { child } of nodes) this.#waiting.push({ number: child, level: level + 1, of });
      return;
    }
    found.leafPages++;
    found.entries += BigInt(nodes.length);
    for (const node of nodes) {
      if (node.isBig) found.overflowPages += this.#overflow(node);
      const { table } = node;
      if (table) this.#add(decodeTree(table), true);
    }
  }

  /** How many pages the value takes. */
  #overflow(node: PageNode): bigint {
    const { page, pages } = node.overflow;
    const { pageBytes, lastPage } = this.#meta;
    const expected = BigInt(Math.floor((PAGE_HEADER_BYTES - 1 + node.size) / pageBytes) + 1);
    if (pages !== expected) throw new Damage(`${pages} pages for a value of ${node.size} bytes`);
    const end = page + pages;
    if (page < 2n || end > lastPage + 1n || end * BigInt(pageBytes) > BigInt(this.#fileBytes)) {
      throw new Damage(`a value at page ${page}, which is not there`);
    }
    return pages;
  }

  #page(number: bigint, kind: typeof BRANCH | typeof LEAF): Page {
    const { pageBytes, lastPage } = this.#meta;
    if (number < 2n || number > lastPage) throw new Damage(`page ${number} is not there`);
    const position = Number(number);
    if (this.#seen.has(position)) throw new Damage(`page ${number} is in use twice`);
    this.#seen.add(position);
    const bytes = new Uint8Array(pageBytes);
    if (readSync(this.#descriptor, bytes, 0, pageBytes, position * pageBytes) < pageBytes) {
      throw new Damage(`page ${number} is cut off`);
    }
    const page = new Page(number, bytes);
    if (page.number !== number || page.kind !== kind) throw new Damage(`page ${number} is something else`);
    return page;
  }
}

class Page {
  readonly #number: bigint;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(number: bigint, bytes: Uint8Array) {
    this.#number = number;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  get number(): bigint {
    return this.#view.getBigUint64(PAGE.number, true);
  }

  get kind(): number {
    return this.#view.getUint16(PAGE.flags, true) & KINDS;
  }

  nodes(isSorted: boolean): readonly PageNode[] {
    const lower = PAGE_HEADER_BYTES + this.#view.getUint16(PAGE.lower, true);
    const upper = PAGE_HEADER_BYTES + this.#view.getUint16(PAGE.upper, true);
    const isBranch = this.kind === BRANCH;
    const fail = (what: string) => new Damage(`page ${this.#number}: ${what}`);
    if (lower === PAGE_HEADER_BYTES || lower % 2 !== 0 || lower > upper || upper > this.#bytes.length) {
      throw fail(`nodes from ${lower} and ${upper} on`);
    }
    const nodes: PageNode[] = [];
    for (let at = PAGE_HEADER_BYTES; at < lower; at += 2) {
      const offset = PAGE_HEADER_BYTES + this.#view.getUint16(at, true);
      if (offset < upper || offset + NODE_HEADER_BYTES > this.#bytes.length)
        throw fail(`a node at ${offset}`);
      const node = new PageNode(this.#bytes, offset);
      if (node.endBytes(isBranch) > this.#bytes.length) throw fail(`a node at ${offset} goes beyond it`);
      const before = nodes.at(-1);
      // The first key of a branch says nothing.
      const isCompared = isSorted && before !== undefined && !(isBranch && nodes.length === 1);
      if (isCompared && Buffer.compare(before.key, node.key) >= 0) throw fail("its keys are out of order");
      nodes.push(node);
    }
    return nodes;
  }
}

class PageNode {
  readonly #bytes: Uint8Array;
  readonly #offset: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#view = new DataView(bytes.buffer, offset);
  }

  /** Of a branch. */
  get child(): bigint {
    return BigInt(this.size) + BigInt(this.#flags) * 2n ** 32n;
  }

  /** Of the value. */
  get size(): number {
    return this.#view.getUint32(NODE.size, true);
  }

  get isBig(): boolean {
    return (this.#flags & BIG_DATA) !== 0;
  }

  get key(): Uint8Array {
    return this.#bytes.subarray(this.#offset + NODE_HEADER_BYTES, this.#valueOffset);
  }

  get overflow(): { readonly page: bigint; readonly pages: bigint } {
    const at = this.#valueOffset - this.#offset;
    return {
      page: this.#view.getBigUint64(at + OVERFLOW.page, true),
      pages: this.#view.getBigUint64(at + OVERFLOW.pages, true),
    };
  }

  get table(): Uint8Array | undefined {
    if ((this.#flags & SUB_TREE) === 0) return undefined;
    if (this.size !== TREE_BYTES) throw new Damage(`a table described in ${this.size} bytes`);
    return this.#bytes.slice(this.#valueOffset, this.#valueOffset + TREE_BYTES);
  }

  endBytes(isBranch: boolean): number {
    if (isBranch) return this.#valueOffset;
    return this.#valueOffset + (this.isBig ? OVERFLOW_BYTES : this.size);
  }

  get #flags(): number {
    return this.#view.getUint16(NODE.flags, true);
  }

  get #valueOffset(): number {
    return this.#offset + NODE_HEADER_BYTES + this.#view.getUint16(NODE.keyBytes, true);
  }
}

function decodeTree(bytes: Uint8Array): Tree {
  const view = new DataView(bytes.buffer, bytes.byteOffset, TREE_BYTES);
  return {
    root: view.getBigUint64(TREE.root, true),
    depth: view.getUint16(TREE.depth, true),
    branchPages: view.getBigUint64(TREE.branchPages, true),
    leafPages: view.getBigUint64(TREE.leafPages, true),
    overflowPages: view.getBigUint64(TREE.overflowPages, true),
    entries: view.getBigUint64(TREE.entries, true),
  };
}
