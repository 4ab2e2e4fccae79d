// Whether a write has room on the disk, asked before lmdb is given it: where the system refuses lmdb a page, its own account of that
// overruns a buffer and can end the process (lmdb 3.5.6, mdb_page_flush). So it is never let come to that.

import { statfsSync } from "node:fs";

import type { Change } from "./core/store.ts";

/** The pages of a tree, as lmdb tells them. */
interface TreePages {
  readonly treeDepth: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

export interface StorePages extends TreePages {
  readonly pageSize: number;
  /** The list of free pages. */
  readonly free: TreePages;
}

/** What stays free in any case: others write to the disk as well. */
const MARGIN_BYTES = 1024 * 1024;
/** What an entry takes beside its key and value, and room for pages that are half full. */
const ENTRY_BYTES = 16;
const FILLED_PART = 1 / 2;

/** An upper bound of what `changes` take on disk: pages are never written over, but written anew. */
export function neededBytes(changes: readonly Change[], pages: StorePages): number {
  const { pageSize } = pages;
  let inPages = 0;
  let large = 0;
  for (const { key, value } of changes) {
    const bytes = key.length + (value?.length ?? 0) + ENTRY_BYTES;
    if (bytes > pageSize / 4) large += Math.ceil((bytes + ENTRY_BYTES * 2) / pageSize);
    else inPages += bytes;
  }
  const rewritten = Math.min(changes.length, pages.treeLeafPageCount) + pages.treeBranchPageCount + pages.treeDepth;
  const grown = Math.ceil(inPages / (pageSize * FILLED_PART)) * 2;
  const { free } = pages;
  const listed = free.treeLeafPageCount + free.treeBranchPageCount + free.overflowPages + free.treeDepth;
  return (rewritten + grown + large + listed * 2 + 8) * pageSize;
}

/** Says in words what is missing where `needed` bytes have no room in `directory`. */
export function lackingRoom(directory: string, needed: number): string | undefined {
  const { bavail, bsize } = statfsSync(directory);
  const room = bavail * bsize;
  if (room >= needed + MARGIN_BYTES) return undefined;
  return `the disk of ${directory} has ${room} bytes left, and ${needed + MARGIN_BYTES} are needed`;
}
