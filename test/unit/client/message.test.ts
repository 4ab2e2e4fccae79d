import { expect, test } from "vitest";

import type { Message } from "../../../client/index.ts";
import { openBus } from "../../support/fake-env.ts";
import { Op } from "../../support/raw-client.ts";

test("retry takes what an ACK can say, and nothing beyond", async () => {
  const { bus, broker } = await openBus();
  let message!: Message;
  bus.subscribe("t", { queue: "q", ack: true, autoWorking: false }, (came) => {
    message = came;
    return new Promise(() => {});
  });
  const [sub] = await broker.came();
  const sid = sub![1] as number;
  broker.sayAll([Op.FOR, sid, 1], [Op.PUB, "t", 1]);
  for (const delayMs of [-1, 1.5, NaN, Infinity, 2 ** 32])
    expect(() => message.retry(delayMs)).toThrow(expect.objectContaining({ code: "bad_option" }));
  expect(message.settled).toBe(false);
  message.retry(2 ** 32 - 1);
  expect(message.settled).toBe(true);
  expect(await broker.came()).toEqual([[Op.ACK, sid, 1, 1, 1, 2 ** 32 - 1]]);
});
