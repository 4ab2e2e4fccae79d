import { expect, test } from "vitest";

import { Buses } from "../support/bus.ts";
import { eventually } from "../support/embedded.ts";

test("100,000 publishes in a plain loop, awaited: none is lost, and they are not all held in memory", async () => {
  await using buses = await Buses.start();
  const publisher = await buses.connect();
  const subscriber = await buses.connect();
  let expected = 0;
  const sub = subscriber.subscribe("t", ({ bytes }) => {
    if (bytes.readUInt32LE(0) !== expected++) throw new Error(`${bytes.readUInt32LE(0)} came, not ${expected - 1}`);
  });
  await sub.ready;
  const payload = Buffer.alloc(1024);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let i = 0; i < 100_000; i++) {
    payload.writeUInt32LE(i);
    await publisher.publish("t", payload);
    if (i % 1000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  await publisher.flush();
  await eventually(
    () => expected === 100_000,
    () => `${expected}`,
  );
  expect(most).toBeLessThan(64 * 1024 * 1024); // broker and subscriber are in this process too; all of them are 100 MiB
});

test("100,000 publishes in a plain loop, not awaited: none is lost, in order", async () => {
  await using buses = await Buses.start();
  const publisher = await buses.connect();
  const subscriber = await buses.connect();
  let expected = 0;
  const sub = subscriber.subscribe("t", ({ data }) => {
    if (data !== expected++) throw new Error(`${data} came, not ${expected - 1}`);
  });
  await sub.ready;
  for (let i = 0; i < 100_000; i++) void publisher.publish("t", i);
  await publisher.flush();
  await eventually(
    () => expected === 100_000,
    () => `${expected}`,
  );
});

test("confirm counts the receivers of that message alone, also among others and many at a time", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  for (const pattern of ["a", "a", "*", "b"]) await bus.subscribe(pattern, () => {}).ready;
  const counts: Promise<number>[] = [];
  for (let i = 0; i < 500; i++) {
    void bus.publish("a", i);
    counts.push(
      bus.publish(i % 2 === 0 ? "a" : "b", i, { confirm: true }),
      bus.publish("none.at.all", i, { confirm: true }),
    );
  }
  const all = await Promise.all(counts);
  expect(all.filter((_, i) => i % 2 === 1).every((n) => n === 0)).toBe(true);
  expect(all.filter((_, i) => i % 4 === 0).every((n) => n === 3)).toBe(true);
  expect(all.filter((_, i) => i % 4 === 2).every((n) => n === 2)).toBe(true);
});

test("retained values come first, marked as such; null clears", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  await bus.publish("state.a", 1, { retain: true });
  await bus.publish("state.b", 2, { retain: true });
  await bus.publish("state.a", null, { retain: true });
  await bus.flush();
  const seen: unknown[] = [];
  const sub = bus.subscribe("state.>", ({ topic, data, retained }) => void seen.push([topic, data, retained]));
  await sub.ready;
  await bus.publish("state.b", 3);
  await bus.flush();
  expect(seen).toEqual([
    ["state.b", 2, true],
    ["state.b", 3, false],
  ]);
});

test("a payload of every kind comes as it was sent", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const seen: unknown[] = [];
  const sub = bus.subscribe("t", ({ data }) => void seen.push(data));
  await sub.ready;
  const sent = [
    0,
    -1,
    1.5,
    -0,
    2 ** 53 - 1,
    2n ** 63n,
    true,
    false,
    null,
    "",
    "ü",
    { a: [1, { b: null }] },
    [],
    [1, "x"],
    new Date(5),
  ];
  for (const data of sent) await bus.publish("t", data);
  await bus.publish("t", undefined);
  await bus.publish("t", new Float64Array([1]));
  await bus.flush();
  expect(seen.slice(0, sent.length)).toEqual(sent);
  expect(seen.slice(sent.length)).toEqual([null, Buffer.from(new Float64Array([1]).buffer)]);
});

test("members of a queue share the messages", async () => {
  await using buses = await Buses.start();
  const bus = await buses.connect();
  const shares = [0, 0, 0];
  for (const i of [0, 1, 2]) {
    const member = await buses.connect();
    await member.subscribe("job", { queue: "q" }, () => void shares[i]!++).ready;
  }
  for (let i = 0; i < 3000; i++) await bus.publish("job", i);
  await bus.flush();
  await eventually(
    () => shares.reduce((a, b) => a + b) === 3000,
    () => String(shares),
  );
  expect(Math.min(...shares)).toBeGreaterThan(0);
});
