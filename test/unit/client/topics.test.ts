import { expectTypeOf, test } from "vitest";

import type { Bus, Call, Message, Subscription } from "../../../client/index.ts";

interface Order {
  id: number;
}

interface Topics {
  "orders.eu.created": Order;
  "orders.us.created": Order & { state: string };
  "orders.eu.deleted": number;
  "metrics.*": { value: number };
  "math.add": Call<{ a: number; b: number }, number>;
}

// Types only: nothing is called.
const bus = {} as unknown as Bus<Topics>;
const untyped = {} as unknown as Bus;

test("publish takes what is declared, and nothing else", () => {
  expectTypeOf(bus.publish<"orders.eu.created">)
    .parameter(1)
    .toEqualTypeOf<Order>();
  expectTypeOf(bus.publish<"metrics.load">)
    .parameter(1)
    .toEqualTypeOf<{ value: number }>();
  expectTypeOf(bus.publish<"nothing.declared">)
    .parameter(1)
    .toEqualTypeOf<never>();
  expectTypeOf(untyped.publish<"t">)
    .parameter(1)
    .toBeAny();
});

test("subscribe gives the payloads of all that a pattern matches", () => {
  const topic = () => bus.subscribe("orders.eu.created", (message) => message);
  expectTypeOf(topic).returns.toEqualTypeOf<Subscription<Order>>();
  const pattern = () => bus.subscribe("orders.*.created");
  expectTypeOf(pattern).returns.toEqualTypeOf<Subscription<Order | (Order & { state: string })>>();
  const rest = () => bus.subscribe("orders.eu.>", { queue: "q" }, (message) => message);
  expectTypeOf(rest).returns.toEqualTypeOf<Subscription<Order | number>>();
  const nothing = () => bus.subscribe("nothing.declared");
  expectTypeOf(nothing).returns.toEqualTypeOf<Subscription<unknown>>();
  expectTypeOf(bus.subscribe<"metrics.load">)
    .parameter(1)
    .not.toBeAny();
  const any = () => untyped.subscribe("t.>", { queue: "q" }, (message: Message) => void message.data.anything);
  expectTypeOf(any).returns.toEqualTypeOf<Subscription>();
});

test("requests and answers have theirs", () => {
  expectTypeOf(bus.request<"math.add">)
    .parameter(1)
    .toEqualTypeOf<{ a: number; b: number } | undefined>();
  expectTypeOf(bus.request<"math.add">).returns.resolves.toEqualTypeOf<number>();
  expectTypeOf(untyped.request<"t">).returns.resolves.toBeAny();
  const sum = () => bus.respond("math.add", ({ data }) => data.a + data.b);
  expectTypeOf(sum).returns.not.toBeAny();
  // @ts-expect-error -- the answer is a number
  void (() => bus.respond("math.add", ({ data }) => `${data.a}`));
  // @ts-expect-error -- no such field
  void (() => bus.respond("math.add", ({ data }) => data.c));
});

test("confirm gives a number, all else perhaps a promise", () => {
  const confirmed = () => untyped.publish("t", 1, { confirm: true });
  expectTypeOf(confirmed).returns.toEqualTypeOf<Promise<number>>();
  const plain = () => untyped.publish("t", 1, { retain: true });
  expectTypeOf(plain).returns.toEqualTypeOf<void | Promise<void>>();
});
