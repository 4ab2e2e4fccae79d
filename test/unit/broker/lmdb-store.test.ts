// The store over real files: what it has is what was written, its file is never taken for damaged as lmdb leaves it, and a write takes
// no more room than it was said to.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import type { Change } from "../../../broker/core/store.ts";
import { neededBytes } from "../../../broker/disk-room.ts";
import { checkDataFile } from "../../../broker/lmdb-check.ts";
import { LmdbStore } from "../../../broker/lmdb-store.ts";
import { Random } from "../../support/random.ts";

const folder = mkdtempSync(join(tmpdir(), "podbus-lmdb-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(store: LmdbStore, changes: readonly Change[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.write(changes, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

test.each([1, 2, 3])(
  "a random life of it, seed %i",
  async (seed) => {
    const random = new Random(seed);
    const directory = join(folder, `life-${seed}`);
    const file = join(directory, "data.mdb");
    let store = LmdbStore.open(directory);
    const plain = new Map<string, number>();
    for (let round = 0; round < 250; round++) {
      const changes: Change[] = [];
      const isShrinking = Math.floor(round / 60) % 2 === 1;
      for (let i = 0; i < 1 + random.below(round % 40 === 0 ? 600 : 40); i++) {
        // Now and then one that this write has changed already.
        const again = random.below(12) === 0 ? changes[random.below(changes.length)]?.key : undefined;
        const key = again ?? `m${String(random.below(4000)).padStart(8, "0")}`;
        if (random.below(10) < (isShrinking ? 2 : 8)) {
          const bytes = random.below(15) === 0 ? random.below(60_000) : random.below(700);
          changes.push({ key, value: Buffer.alloc(bytes, round) });
          plain.set(key, bytes);
        } else {
          const [oldest = key] = plain.keys();
          changes.push({ key: oldest, value: undefined });
          plain.delete(oldest);
        }
      }
      const needed = neededBytes(changes, store.pages);
      const before = statSync(file).size;
      await write(store, changes);
      expect(statSync(file).size - before).toBeLessThanOrEqual(needed);
      expect(() => checkDataFile(file)).not.toThrow();
      if (round % 50 === 49) {
        await store.close();
        store = LmdbStore.open(directory);
        const found = [...store.entries()].map(({ key, value }) => [key, value.length]);
        expect(found).toEqual([...plain].toSorted(([a], [b]) => (a < b ? -1 : 1)));
      }
    }
    await store.close();
  },
  60_000,
);

test("no bit of the transaction in a beginning is believed when it is wrong", async () => {
  const directory = join(folder, "beginnings");
  const store = LmdbStore.open(directory);
  for (let round = 0; round < 7; round++) await write(store, [{ key: `m${round}`, value: Buffer.alloc(50, round) }]);
  await store.close();
  const whole = readFileSync(join(directory, "data.mdb"));
  const file = join(folder, "flipped.mdb");
  writeFileSync(file, whole);
  expect(() => checkDataFile(file)).not.toThrow();
  for (const page of [0, 4096]) {
    for (let bit = 0; bit < 64; bit++) {
      const flipped = Buffer.from(whole);
      flipped[page + 152 + (bit >> 3)]! ^= 1 << (bit & 7);
      writeFileSync(file, flipped);
      expect(() => checkDataFile(file), `bit ${bit} of the one at ${page}`).toThrow("its two beginnings");
    }
  }
});

describe("who may read it", () => {
  const modes = (directory: string): Record<string, string> =>
    Object.fromEntries(
      [".", ...readdirSync(directory)].map((name) => [
        name,
        (statSync(join(directory, name)).mode & 0o777).toString(8),
      ]),
    );

  test.each([0o000, 0o022, 0o077])("its owner alone, whatever the umask, %i", async (umask) => {
    const before = process.umask(umask);
    try {
      const directory = join(folder, `new-${umask}`);
      const store = LmdbStore.open(directory);
      await write(store, [{ key: "m1", value: Buffer.from("secret") }]);
      const expected = { ".": "700", "data.mdb": "600", "lock.mdb": "600", "podbus.lock": "600" };
      expect(modes(directory)).toEqual(expected);
      await store.close();
      const again = LmdbStore.open(directory);
      expect([...again.entries()].map(({ key }) => key)).toEqual(["m1"]);
      await again.close();
      expect(modes(directory)).toEqual(expected);
    } finally {
      process.umask(before);
    }
  });

  test("of files that are there others lose what they might, and the group of the volume keeps it", async () => {
    const directory = join(folder, "shared");
    await LmdbStore.open(directory).close();
    chmodSync(directory, 0o770);
    chmodSync(join(directory, "data.mdb"), 0o666);
    chmodSync(join(directory, "lock.mdb"), 0o644);
    const store = LmdbStore.open(directory);
    expect(modes(directory)).toMatchObject({ ".": "770", "data.mdb": "660", "lock.mdb": "640" });
    await store.close();
  });
});
