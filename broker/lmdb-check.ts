// Looks through an lmdb data file before lmdb does: lmdb believes what it maps, and a flipped bit or a missing piece can end the
// process, or hide messages, without a word. Every page that is in use is visited once, as the file says it is; what does not
// fit together is refused. The values themselves carry checksums of their own (core/durable-keys.ts). Reads the file, writes nothing.
//
//   meta 0 │ meta 1 │ page 2 │ …      two trees, of keys and of free pages; the meta with the higher transaction number counts
//
//   page   number 8 │ transaction 8 │ 2 │ flags 2 │ lower 2 │ upper 2 │ offsets 2 each, behind this header … │ nodes
//   node   low 2 │ high 2 │ flags 2 │ key length 2 │ key │ data, or page number 8, transaction 8, pages 8 of a large one
//   (liblmdb/mdb.c of lmdb 3.5, data version 2, 64 bits, little-endian)

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";

import { DamagedStore } from "./core/recovery.ts";

const HEADER_BYTES = 24;
const NODE_BYTES = 8;
const LARGE_BYTES = 24;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
const PageFlag = { BRANCH: 1, LEAF: 2, OVERFLOW: 4, META: 8 } as const;
const LARGE_DATA = 1;
const INTEGER_KEYS = 8;

/** What a meta page says of one of the two trees. */
interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  readonly root: number | undefined;
}

interface Meta {
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
}

/** @throws DamagedStore that says in words what is wrong with the file `path`. One that is not there, or empty, is right. */
export function checkDataFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    // The layout of another kind of machine is left to lmdb.
    if (size > 0 && endianness() === "LE") new Checker(file, size).check();
  } finally {
    closeSync(file);
  }
}

class Checker {
  readonly #file: number;
  readonly #size: number;
  #pageBytes = 0;
  #lastPage = 0;
  #transaction = 0;
  /** Pages that were visited, a bit each. */
  #seen: Uint8Array = new Uint8Array(0);

  constructor(file: number, size: number) {
    this.#file = file;
    this.#size = size;
  }

  check(): void {
    const metas = this.#metas();
    const [first, second] = metas;
    // Transaction N writes meta page N % 2, so that the two are neighbours; in a new file both are 0.
    const isNew = first.transaction === 0 && second.transaction === 0;
    const isOdd = first.transaction % 2 !== 0 || second.transaction % 2 !== 1;
    if (!isNew && (isOdd || Math.abs(first.transaction - second.transaction) !== 1)) {
      throw new DamagedStore("its two beginnings do not fit together");
    }
    const meta = first.transaction > second.transaction ? first : second;
    this.#pageBytes = meta.pageBytes;
    // What both lead to is there whole: the pages of the older are written to no sooner than in the transaction after the newer.
    for (const each of metas) this.#checkTransaction(each);
    this.#lastPage = meta.lastPage;
    this.#transaction = meta.transaction;
    if (meta.free.flags !== INTEGER_KEYS || meta.main.flags !== 0) throw new DamagedStore("it is of another kind");
    if (meta.lastPage < 1 || meta.lastPage >= Number.MAX_SAFE_INTEGER / 65_536)
      throw new DamagedStore("its length is wrong");
    // Pages at the end that are free may have never been written.
    if (meta.lastPage > (this.#size / this.#pageBytes) * 2 + 65_536) throw new DamagedStore("it was cut short");
    this.#seen = new Uint8Array((meta.lastPage >> 3) + 1);
    const free: number[] = [];
    this.#walk(meta.free, "the list of free pages", compareNumbers, (value) => free.push(...freePages(value)));
    this.#walk(meta.main, "its content", Buffer.compare, undefined);
    // Listed twice is taken once by lmdb; what is in use must not be free.
    for (const page of new Set(free)) this.#visit(page, 1, "a free page");
  }

  #metas(): [Meta, Meta] {
    const first = this.#meta(this.#read(0, 4096), 0);
    if (first.pageBytes < 512 || first.pageBytes > 65_536 || (first.pageBytes & (first.pageBytes - 1)) !== 0) {
      throw new DamagedStore("its page size is wrong");
    }
    const second = this.#meta(this.#read(first.pageBytes, 512), 1);
    if (second.pageBytes !== first.pageBytes) throw new DamagedStore("its two beginnings do not fit together");
    return [first, second];
  }

  #meta(buf: Buffer, number: number): Meta {
    const at = HEADER_BYTES;
    if (buf.readUInt16LE(18) !== PageFlag.META || buf.readUInt32LE(at) !== MAGIC || uint64(buf, 0) !== number) {
      throw new DamagedStore("it does not begin as a data file does");
    }
    if ((buf.readUInt32LE(at + 4) & 0xffff) !== DATA_VERSION) throw new DamagedStore("it is of another version");
    return {
      pageBytes: buf.readUInt32LE(at + 24),
      free: tree(buf, at + 24),
      main: tree(buf, at + 72),
      lastPage: uint64(buf, at + 120),
      transaction: uint64(buf, at + 128),
    };
  }

  /**
   * Each transaction writes the roots of what it changes, and notes its number there. A wrong number in a beginning would have the
   * older state taken for the newer.
   */
  #checkTransaction({ free, main, transaction }: Meta): void {
    const roots = [free.root, main.root].filter((root) => root !== undefined);
    const newest = Math.max(...roots.map((root) => uint64(this.#read(root * this.#pageBytes, HEADER_BYTES), 8)));
    if (roots.length > 0 && newest !== transaction) throw new DamagedStore("its two beginnings do not fit together");
  }

  #walk(
    tree: Tree,
    what: string,
    compare: (a: Buffer, b: Buffer) => number,
    each: ((value: Buffer) => void) | undefined,
  ): void {
    const found = { depth: 0, branches: 0, leaves: 0, overflows: 0, entries: 0 };
    let lastKey: Buffer | undefined;
    const walk = (number: number, depth: number, least: Buffer | undefined): void => {
      if (depth > 64) throw new DamagedStore(`${what} is damaged`);
      const page = this.#page(number, what);
      const isLeaf = page.readUInt16LE(18) === PageFlag.LEAF;
      if (!isLeaf && page.readUInt16LE(18) !== PageFlag.BRANCH) throw new DamagedStore(`${what} is damaged`);
      if (isLeaf) {
        found.leaves++;
        if (found.depth === 0) found.depth = depth;
        if (found.depth !== depth) throw new DamagedStore(`${what} is damaged`);
      } else {
        found.branches++;
      }
      for (const [index, at] of nodes(page, what).entries()) {
        const key = keyOf(page, at, what);
        if (least !== undefined && (isLeaf || index > 0) && compare(key, least) < 0) {
          throw new DamagedStore(`${what} is out of order`);
        }
        if (!isLeaf) {
          // The first key of a branch stands for everything before the second.
          if (index > 0 && lastKey !== undefined && compare(lastKey, key) >= 0)
            throw new DamagedStore(`${what} is out of order`);
          walk(childOf(page, at), depth + 1, index > 0 ? Buffer.from(key) : least);
          continue;
        }
        if (lastKey !== undefined && compare(lastKey, key) >= 0) throw new DamagedStore(`${what} is out of order`);
        lastKey = Buffer.from(key);
        found.entries++;
        found.overflows += this.#value(page, at, what, each);
      }
    };
    if (tree.root !== undefined) walk(tree.root, 1, undefined);
    for (const name of ["depth", "branches", "leaves", "overflows", "entries"] as const) {
      if (found[name] !== tree[name])
        throw new DamagedStore(`${what} is not complete (${name} ${found[name]}, not ${tree[name]})`);
    }
  }

  /** Looks at the value of a leaf's node. Returns the overflow pages that it has. */
  #value(page: Buffer, at: number, what: string, each: ((value: Buffer) => void) | undefined): number {
    const flags = page.readUInt16LE(at + 4);
    const bytes = page.readUInt32LE(at);
    const start = at + NODE_BYTES + page.readUInt16LE(at + 6);
    if ((flags & ~LARGE_DATA) !== 0) throw new DamagedStore(`${what} is damaged`);
    if (flags !== LARGE_DATA) {
      if (start + bytes > page.length) throw new DamagedStore(`${what} is damaged`);
      each?.(page.subarray(start, start + bytes));
      return 0;
    }
    if (start + LARGE_BYTES > page.length) throw new DamagedStore(`${what} is damaged`);
    const first = uint64(page, start);
    const pages = uint64(page, start + 16);
    // More than it needs where it took the place of a longer value in one transaction.
    if (pages < Math.ceil((HEADER_BYTES + bytes) / this.#pageBytes)) throw new DamagedStore(`${what} is damaged`);
    this.#visit(first, pages, what);
    const header = this.#read(first * this.#pageBytes, HEADER_BYTES);
    const isRight = this.#isPage(header, first) && header.readUInt16LE(18) === PageFlag.OVERFLOW;
    if (!isRight || uint64(page, start + 8) > this.#transaction || header.readUInt32LE(20) !== pages)
      throw new DamagedStore(`${what} is damaged`);
    const end = first * this.#pageBytes + HEADER_BYTES + bytes;
    if (end > this.#size) throw new DamagedStore("it was cut short");
    each?.(this.#read(end - bytes, bytes));
    return pages;
  }

  #page(number: number, what: string): Buffer {
    this.#visit(number, 1, what);
    const page = this.#read(number * this.#pageBytes, this.#pageBytes);
    if (!this.#isPage(page, number)) throw new DamagedStore(`${what} is damaged`);
    return page;
  }

  /** lmdb would write into a page that seems to be of a later transaction, where it is mapped to be read. */
  #isPage(header: Buffer, number: number): boolean {
    return uint64(header, 0) === number && uint64(header, 8) <= this.#transaction;
  }

  /** Each page is there once, and within the file's own bounds. */
  #visit(first: number, pages: number, what: string): void {
    if (!(first >= 2 && first + pages - 1 <= this.#lastPage)) throw new DamagedStore(`${what} leads out of the file`);
    for (let page = first; page < first + pages; page++) {
      const bit = 1 << (page & 7);
      if ((this.#seen[page >> 3]! & bit) !== 0) throw new DamagedStore(`${what} is where something else is`);
      this.#seen[page >> 3]! |= bit;
    }
  }

  #read(at: number, bytes: number): Buffer {
    const buf = Buffer.allocUnsafe(bytes);
    if (at + bytes > this.#size || readSync(this.#file, buf, 0, bytes, at) !== bytes) {
      throw new DamagedStore("it was cut short");
    }
    return buf;
  }
}

function tree(buf: Buffer, at: number): Tree {
  const root = buf.readBigUInt64LE(at + 40);
  return {
    flags: buf.readUInt16LE(at + 4),
    depth: buf.readUInt16LE(at + 6),
    branches: uint64(buf, at + 8),
    leaves: uint64(buf, at + 16),
    overflows: uint64(buf, at + 24),
    entries: uint64(buf, at + 32),
    root: root === NO_PAGE ? undefined : Number(root),
  };
}

/** Where the nodes of a page are, in the order of their keys. */
function nodes(page: Buffer, what: string): number[] {
  const lower = page.readUInt16LE(20);
  const upper = page.readUInt16LE(22);
  const room = page.length - HEADER_BYTES;
  if (lower % 2 !== 0 || lower > upper || upper > room) throw new DamagedStore(`${what} is damaged`);
  return Array.from({ length: lower / 2 }, (_, i) => {
    const at = page.readUInt16LE(HEADER_BYTES + i * 2);
    if (at < upper || at + NODE_BYTES > room) throw new DamagedStore(`${what} is damaged`);
    return HEADER_BYTES + at;
  });
}

function keyOf(page: Buffer, at: number, what: string): Buffer {
  const end = at + NODE_BYTES + page.readUInt16LE(at + 6);
  if (end > page.length) throw new DamagedStore(`${what} is damaged`);
  return page.subarray(at + NODE_BYTES, end);
}

function childOf(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 0x1_0000_0000;
}

/** A record of free pages: how many numbers follow; each is a page, or, below 0, how many pages the next one is the first of. */
function freePages(value: Buffer): number[] {
  const pages: number[] = [];
  if (value.length < 8 || value.length % 8 !== 0) throw new DamagedStore("the list of free pages is damaged");
  const count = uint64(value, 0);
  if (count * 8 + 8 > value.length) throw new DamagedStore("the list of free pages is damaged");
  let length = 1;
  for (let i = 1; i <= count; i++) {
    const entry = Number(value.readBigInt64LE(i * 8));
    if (entry < 0) {
      if (entry < -0xffff_ffff) throw new DamagedStore("the list of free pages is damaged");
      length = -entry;
      continue;
    }
    if (entry > 0) for (let page = entry; page < entry + length; page++) pages.push(page);
    length = 1;
  }
  return pages;
}

function compareNumbers(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) throw new DamagedStore("the list of free pages is damaged");
  return uint64(a, 0) - uint64(b, 0);
}

/** Numbers beyond what JavaScript has exactly are beyond any file as well. */
function uint64(buf: Buffer, at: number): number {
  return Number(buf.readBigUInt64LE(at));
}
