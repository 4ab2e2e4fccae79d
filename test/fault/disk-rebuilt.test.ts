// The power fails at any moment: out of a trace of a broker's writes and flushes, its data file is made again as it was on the disk then,
// with all, some or none of what was not flushed, and opened. What was confirmed is there, once; nothing is there that was not
// published; or the file is refused with a word. Needs strace.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { DamagedStore } from "../../broker/core/recovery.ts";
import { LmdbStore } from "../../broker/lmdb-store.ts";
import { PodbusError } from "../../shared/errors.ts";
import { type Element, ext1, frame } from "../support/msgpack.ts";
import { logLines, uniqueAddress } from "../support/processes.ts";
import { Op, RawClient } from "../support/raw-client.ts";
import { World } from "../support/simulated.ts";
import { startTraced } from "../support/traced-broker.ts";
import { Disk, type FileEvent, readTrace } from "../support/write-trace.ts";

const QUEUE = { queue: "q", ack: true, durable: true, prefetch: 100_000 };
const CALLS = "openat,lseek,write,writev,pwrite64,pwritev,fdatasync,fsync,msync,ftruncate,sendmsg";
/** Numbers of SYNCs, unlike any other's: that of a publish, and that of what settles it. */
const PUBLISHED = 0x10_0000;
const SETTLED = 0x20_0000;
const MESSAGES = 24;

/** A life of a broker: messages that are published and settled one after the other, and what it said of that. */
async function live(folder: string): Promise<FileEvent[]> {
  const address = uniqueAddress();
  await using broker = await startTraced(folder, address, CALLS);
  const { pid } = logLines(broker.stdout)[0]!;
  const client = await RawClient.connect(address);
  const confirmed = (id: number): Promise<unknown> => client.until(([op, ref]) => op === Op.OK && ref === id);
  client.send(Op.SUB, 1, "t", ext1(QUEUE));
  for (let n = 1; n <= MESSAGES; n++) {
    client.send(Op.PUB, "t", n, ext1({ b: "x".repeat(n % 7 === 0 ? 9000 : n * 20) }));
    client.send(Op.SYNC, PUBLISHED + n);
    await confirmed(PUBLISHED + n);
    if (n % 3 !== 0) continue;
    client.send(Op.ACK, 1, n, n, 0);
    client.send(Op.SYNC, SETTLED + n);
    await confirmed(SETTLED + n);
  }
  process.kill(pid as number, "SIGKILL");
  client.destroy();
  await broker.ended;
  return readTrace(readFileSync(join(folder, "trace"), "latin1"), "data.mdb");
}

/** What a broker that finds `file` serves: by number, how often. Undefined where it refuses it with a word. */
function served(folder: string, file: Buffer): Promise<Map<number, number> | undefined> {
  const data = join(folder, "rebuilt");
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data);
  writeFileSync(join(data, "data.mdb"), file);
  return serve(data);
}

async function serve(data: string): Promise<Map<number, number> | undefined> {
  let store: LmdbStore | undefined;
  try {
    store = LmdbStore.open(data);
    const world = new World({}, store);
    const counts = new Map<number, number>();
    const client = world.connect();
    client.send(Op.SUB, 1, "t", ext1(QUEUE));
    world.run();
    for (const [op, , payload] of client.read()) {
      if (op === Op.PUB) counts.set(payload as number, (counts.get(payload as number) ?? 0) + 1);
    }
    return counts;
  } catch (error) {
    if (!(error instanceof DamagedStore) && !(error instanceof PodbusError)) throw error;
    expect(error.message).not.toBe("");
    return undefined;
  } finally {
    await store?.close();
  }
}

/** The numbers of the SYNCs that `event` confirms. */
function confirmedBy(event: FileEvent): number[] {
  if (event.kind !== "sent") return [];
  const ids: number[] = [];
  for (const base of [PUBLISHED, SETTLED]) {
    for (let n = 1; n <= MESSAGES; n++) {
      const ok = frame(Op.OK, base + n, 0 as Element).subarray(0, -1);
      if (event.bytes.includes(ok)) ids.push(base + n);
    }
  }
  return ids;
}

/** Which of `count` writes may be there: all, none, each alone, all but each. */
function subsets(count: number): ((index: number) => boolean)[] {
  const some: ((index: number) => boolean)[] = [() => true];
  if (count === 0) return some;
  some.push(() => false);
  if (count === 1) return some;
  for (let i = 0; i < count; i++)
    some.push(
      (index) => index === i,
      (index) => index !== i,
    );
  return some;
}

test(
  "whatever reached the disk when the power failed is recovered, or refused with a word",
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "podbus-rebuilt-"));
    const events = await live(folder);
    const disk = new Disk();
    const isConfirmed = new Set<number>();
    let files = 0;
    let refused = 0;
    let flushes = 0;
    for (const event of events) {
      disk.take(event);
      for (const id of confirmedBy(event)) isConfirmed.add(id);
      if (event.kind === "sent") continue;
      if (event.kind === "flush") flushes++;
      for (const isThere of subsets(disk.unflushed)) {
        const file = disk.rebuilt(isThere);
        if (file.length === 0) continue;
        files++;
        const found = await served(folder, file);
        if (found === undefined) {
          refused++;
          // Before anything was confirmed there may be no file that is one.
          expect(isConfirmed.size, "a file is refused that holds what was confirmed").toBe(0);
          continue;
        }
        for (const [n, count] of found) {
          expect(count, `message ${n} is there once`).toBe(1);
          expect(n >= 1 && n <= MESSAGES, `message ${n} was published`).toBe(true);
          expect(isConfirmed.has(SETTLED + n), `message ${n} is settled`).toBe(false);
        }
        for (const id of isConfirmed) {
          const n = id - PUBLISHED;
          if (n > MESSAGES || events.length === 0) continue;
          // One whose settlement is under way may be there or not.
          if (n % 3 !== 0) expect(found.has(n), `message ${n}, which was confirmed, is there`).toBe(true);
        }
      }
    }
    rmSync(folder, { recursive: true, force: true });
    expect(flushes).toBeGreaterThan(MESSAGES);
    expect(files).toBeGreaterThan(3 * MESSAGES);
    expect(isConfirmed.size).toBe(MESSAGES + Math.floor(MESSAGES / 3));
    expect(refused).toBeLessThan(files / 10);
  },
);
