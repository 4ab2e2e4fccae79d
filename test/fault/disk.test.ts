// The disk's part: it is full, it keeps half of what was written, and a trace of the system calls shows that what is confirmed was on
// its way to it before. Needs root, for the file system that it fills, and strace.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { Deliveries } from "../support/deliveries.ts";
import { upTo } from "../support/embedded.ts";
import { type Element, ext1 } from "../support/msgpack.ts";
import { logLines, startBroker, startCli, uniqueAddress } from "../support/processes.ts";
import { Op, RawClient } from "../support/raw-client.ts";
import { startTraced } from "../support/traced-broker.ts";

const DURABLE = { queue: "q", ack: true, durable: true, maxMessages: 1_000_000, maxBytes: 1_000_000_000 };

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

/** A file system of its own, of so many bytes. */
class SmallDisk implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "podbus-disk-"));

  constructor(bytes: number) {
    run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", this.path);
  }

  [Symbol.dispose](): void {
    run("umount", "-l", this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

async function connect(address: string, ...sent: Element[][]): Promise<RawClient> {
  const client = await RawClient.connect(address);
  for (const each of sent) client.send(...each);
  await client.sync();
  return client;
}

/** Makes the queue, with nobody in it. */
async function makeQueue(address: string): Promise<void> {
  const maker = await connect(address, [Op.SUB, 1, "t", ext1({ ...DURABLE, prefetch: 1 })]);
  maker.send(Op.UNSUB, 1);
  await maker.sync();
  maker.destroy();
}

/** SYNC: whether it was confirmed. */
async function isConfirmed(client: RawClient, id: number): Promise<boolean> {
  client.send(Op.SYNC, id);
  const [answer] = (await client.until(([op, ref]) => (op === Op.OK || op === Op.ERR) && ref === id)).slice(-1);
  if (answer![0] === Op.ERR) expect(answer![2]).toBe("unavailable");
  return answer![0] === Op.OK;
}

async function waitingIn(address: string): Promise<Element[]> {
  const client = await connect(address);
  client.send(Op.SUB, 1, "t", ext1({ queue: "q", ack: true, prefetch: 1_000_000 }));
  const asker = await connect(address);
  const deliveries = new Deliveries(client);
  const payloads: Element[] = [];
  for (;;) {
    for (const { payload } of await deliveries.synced()) payloads.push(payload);
    const { waiting, inFlight } = await asker.ask("$sys.queue.show", { queue: "q" });
    if (waiting === 0 && inFlight === payloads.length) break;
  }
  for (const each of [client, asker]) each.destroy();
  return payloads;
}

test("a full disk: what can't be kept is not confirmed, all else goes on, and so does this when there is room again", async () => {
  using disk = new SmallDisk(4 * 1024 * 1024);
  const filler = join(disk.path, "filler");
  writeFileSync(filler, Buffer.alloc(2 * 1024 * 1024));
  const address = uniqueAddress();
  const args = ["--data", join(disk.path, "data")];
  const broker = await startBroker({ address, args });
  await makeQueue(address);
  const publisher = await connect(address);
  const confirmed: number[] = [];
  let n = 0;
  let id = 1;
  const batch = async (): Promise<boolean> => {
    const sent = Array.from({ length: 20 }, () => n++);
    for (const each of sent) publisher.send(Op.PUB, "t", each, ext1({ b: "x".repeat(1000) }));
    const isKept = await isConfirmed(publisher, id++);
    if (isKept) confirmed.push(...sent);
    return isKept;
  };
  while (await batch());
  expect(confirmed.length).toBeGreaterThan(100);
  for (let i = 0; i < 3; i++) expect(await batch()).toBe(false);
  // What has nothing to do with the disk goes on.
  const witness = await connect(address, [Op.SUB, 1, "w"]);
  witness.send(Op.PUB, "w", "still here");
  expect(await new Deliveries(witness).payloads(1)).toEqual(["still here"]);
  expect((await witness.sync()).count).toBe(1);
  // Nothing is lost to who reads now: it was only not confirmed.
  rmSync(filler);
  while (!(await isConfirmed(publisher, id++)));
  expect(await batch()).toBe(true);
  for (const client of [publisher, witness]) client.destroy();
  await broker.stop("SIGKILL");
  const again = await startBroker({ address, args });
  expect(await waitingIn(address)).toEqual(upTo(n));
  expect(await again.stop()).toMatchObject({ code: 0 });
});

test("a disk that is full from the beginning is refused with a word", async () => {
  using disk = new SmallDisk(1024 * 1024);
  try {
    writeFileSync(join(disk.path, "filler"), Buffer.alloc(2 * 1024 * 1024));
  } catch {
    // as much of it as there is room for
  }
  const data = join(disk.path, "data");
  const { code, signal, stderr } = await startCli(["serve", "--address", uniqueAddress(), "--data", data]).ended;
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toContain(data);
});

test("a disk that kept half of the last write: all that was confirmed before is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "podbus-torn-"));
  const data = join(folder, "data");
  const file = join(data, "data.mdb");
  const address = uniqueAddress();
  const begin = await startBroker({ address, args: ["--data", data] });
  await makeQueue(address);
  const publisher = await connect(address);
  for (let n = 0; n < 300; n++) publisher.send(Op.PUB, "t", n, ext1({ b: "x".repeat(n % 50 === 0 ? 9000 : 50) }));
  await publisher.sync();
  const before = readFileSync(file);
  // One transaction: what the one before it left in use is not written over.
  publisher.send(Op.PUB, "t", 300, ext1({ b: "x".repeat(1000) }));
  await publisher.sync();
  publisher.destroy();
  await begin.stop("SIGKILL");
  const after = readFileSync(file);
  // The two beginnings are as before, for they are written last; of the pages each is there or not, or half of it.
  for (const [round, kept] of [0, 2, 3, 5].entries()) {
    const torn = Buffer.from(after);
    before.copy(torn, 0, 0, 8192);
    for (let page = 2; page * 4096 < torn.length; page++) {
      const at = page * 4096;
      const isHalf = (page + round) % 7 === 0;
      if (kept !== 0 && page % kept === 0) continue;
      const old = at < before.length ? before.subarray(at, at + 4096) : Buffer.alloc(4096);
      old.copy(torn, at + (isHalf ? 2048 : 0), isHalf ? 2048 : 0);
    }
    writeFileSync(file, torn.subarray(0, round === 1 ? before.length : torn.length));
    const broker = await startBroker({ address, args: ["--data", data] });
    expect(await waitingIn(address)).toEqual(upTo(300));
    await broker.stop("SIGKILL");
  }
  rmSync(folder, { recursive: true, force: true });
});

describe("a trace of the broker's system calls", () => {
  test("shows what was published on its way to the disk, and flushed, before OK is written to the socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "podbus-trace-"));
    const address = uniqueAddress();
    const calls = "pwrite64,pwritev,fdatasync,fsync,msync,write,writev,sendmsg,openat";
    await using broker = await startTraced(folder, address, calls);
    const { pid } = logLines(broker.stdout)[0]!;
    await makeQueue(address);
    const publisher = await connect(address);
    const ids = Array.from({ length: 20 }, (_, i) => 70_000 + i);
    for (const id of ids) {
      publisher.send(Op.PUB, "t", `marker-${id}`);
      publisher.send(Op.SYNC, id);
      await publisher.until(([op, ref]) => op === Op.OK && ref === id);
    }
    publisher.destroy();
    process.kill(pid as number, "SIGTERM"); // strace itself holds on until what it traces has ended
    await broker.ended;
    const lines = readFileSync(join(folder, "trace"), "latin1").split("\n");
    const hex = (bytes: Buffer): string =>
      [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
    const isData = (line: string): boolean => line.includes(hex(Buffer.from("data.mdb")));
    for (const id of ids) {
      const marker = hex(Buffer.from(`marker-${id}`));
      const ok = hex(Buffer.from([0x93, Op.OK, 0xce, 0, id >> 16, (id >> 8) & 0xff, id & 0xff]));
      const next = (from: number, is: (line: string) => boolean): number =>
        lines.findIndex((line, i) => i > from && is(line));
      const written = next(-1, (line) => /write(v|64|v2)?\(/.test(line) && isData(line) && line.includes(marker));
      const flushed = next(written, (line) => /(fdatasync|fsync|msync)\(/.test(line) && isData(line));
      // The beginning that makes it count, by a descriptor that flushes each write.
      const begun = next(flushed, (line) => line.includes("pwrite64(") && isData(line));
      const answered = next(-1, (line) => /write(v)?\(|sendmsg\(/.test(line) && !isData(line) && line.includes(ok));
      expect(written, `marker-${id} is written`).toBeGreaterThan(-1);
      expect(flushed, `marker-${id} is flushed`).toBeGreaterThan(written);
      expect(begun, `marker-${id} counts`).toBeGreaterThan(flushed);
      expect(answered, `marker-${id} is confirmed`).toBeGreaterThan(begun);
    }
    rmSync(folder, { recursive: true, force: true });
  });
});
