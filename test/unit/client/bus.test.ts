import { describe, expect, test } from "vitest";

import { type FakeBus, openBus, settle } from "../../support/fake-env.ts";
import { ext1, valueIn } from "../../support/msgpack.ts";
import { Op } from "../../support/raw-client.ts";

describe("a confirmed publish has an id", () => {
  test.each([null, undefined])("also where the header is %s", async (id) => {
    const { bus, broker } = await openBus();
    void bus.publish("a", 1, { confirm: true, headers: { n: 1, id: id as null } }).catch(() => {});
    const [pub] = await broker.came();
    expect(valueIn(pub![3])).toEqual({ n: 1, id: "id-0" });
  });

  test("its own where it has one", async () => {
    const { bus, broker } = await openBus();
    void bus.publish("a", 1, { confirm: true, headers: { id: 0 } }).catch(() => {});
    const [pub] = await broker.came();
    expect(pub![3]).toEqual(ext1({ id: 0 }));
  });
});

describe("waitFor", () => {
  test("that is aborted says what was, before and while it waits", async () => {
    const { bus } = await openBus();
    const aborted = { code: "aborted", message: "waitFor(a.b) was aborted" };
    await expect(bus.waitFor("a.b", { signal: AbortSignal.abort() })).rejects.toMatchObject(aborted);
    const controller = new AbortController();
    const waiting = expect(bus.waitFor("a.b", { signal: controller.signal })).rejects.toMatchObject(aborted);
    controller.abort();
    await waiting;
  });

  test("refuses to wait for what is neither", async () => {
    const { bus } = await openBus();
    await expect(bus.waitFor("a", { for: "subscriber" as "any" })).rejects.toMatchObject({
      code: "bad_option",
      message: 'for must be "any" or "responder", but this is "subscriber"',
    });
  });
});

describe("flush", () => {
  test("refuses options that are none", async () => {
    const { bus } = await openBus();
    await expect(bus.flush({ timeoutMs: 1 } as object)).rejects.toMatchObject({ code: "bad_option" });
  });

  test("that was given up leaves the refusal of a publish to the next", async () => {
    const { bus, broker } = await openBus();
    bus.publish("a", 1);
    await broker.came();
    broker.say(Op.ERR, null, "limit", "too much", "a");
    await expect(bus.flush({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    const controller = new AbortController();
    const given = expect(bus.flush({ signal: controller.signal })).rejects.toMatchObject({ code: "aborted" });
    controller.abort();
    await given;
    await broker.confirm();
    const flushed = expect(bus.flush()).rejects.toMatchObject({ code: "limit" });
    await broker.confirm();
    await flushed;
  });
});

describe("drain settles where the bus is closed meanwhile, though what it waits for is never done", () => {
  /** Calls `begin`, which gives what a frame is for; the frame comes, and all is drained; then the bus is closed. */
  async function closed(
    begin: (fake: FakeBus) => { drain(): Promise<void> },
    come: (fake: FakeBus, sid: number) => void,
  ): Promise<void> {
    const fake = await openBus();
    const it = begin(fake);
    const [sub] = await fake.broker.came();
    come(fake, sub![1] as number);
    await settle();
    const drained = [it.drain(), fake.bus.drain({ timeoutMs: 0 })];
    await fake.broker.confirm();
    await fake.bus.close();
    expect(await Promise.all(drained)).toEqual([undefined, undefined]);
  }
  const publish = ({ broker }: FakeBus, sid: number): void => broker.sayAll([Op.FOR, sid, 1], [Op.PUB, "t", 1]);

  test("a handler", () => closed(({ bus }) => bus.subscribe("t", () => new Promise(() => {})), publish));

  test("handlers at once", () =>
    closed(({ bus }) => bus.subscribe("t", { concurrency: 2 }, () => new Promise(() => {})), publish));

  test("a pass of a loop", () =>
    closed(({ bus }) => {
      const sub = bus.subscribe("t", { queue: "q", ack: true });
      void sub[Symbol.asyncIterator]().next();
      return sub;
    }, publish));

  test("an answer", () =>
    closed(
      ({ bus }) => bus.respond("t", () => new Promise(() => {})),
      ({ broker }, sid) => broker.sayAll([Op.FOR, sid], [Op.REQ, 5, "t", 1]),
    ));
});
