import { describe, expect, test } from "vitest";

import { Route, Routes } from "../../../../broker/core/routes.ts";

function find(routes: Routes, topic: string | Buffer): Route | string {
  const bytes = Buffer.from(topic as string);
  // Somewhere inside a buffer, as a frame has it.
  const buf = Buffer.concat([Buffer.of(0xff), bytes, Buffer.of(0x2e)]);
  const view = new DataView(buf.buffer, buf.byteOffset, buf.length);
  return routes.find({ buf, view }, 1, 1 + bytes.length);
}

function routeOf(routes: Routes, topic: string): Route {
  const route = find(routes, topic);
  if (typeof route === "string") throw new Error(route);
  return route;
}

describe("a route", () => {
  test("is resolved once for a topic, and anew when subscriptions have changed", () => {
    const resolved: string[] = [];
    const routes = new Routes((route) => resolved.push(route.topic));
    for (let i = 0; i < 3; i++) for (const topic of ["a", "b", "a.b", "a"]) routeOf(routes, topic);
    expect(resolved).toEqual(["a", "b", "a.b"]);
    expect(routes.resolved).toBe(3);
    routes.changed();
    for (let i = 0; i < 3; i++) for (const topic of ["a", "a", "b"]) routeOf(routes, topic);
    expect(resolved).toEqual(["a", "b", "a.b", "a", "b"]);
  });

  test("is the same object for the same bytes, and another for others", () => {
    const routes = new Routes(() => {});
    const topics = [
      "a",
      "b",
      "ab",
      "ba",
      "a.b",
      "a.c",
      "aaaa",
      "aaab",
      "aaaaa",
      "€",
      "orders.eu.created",
      "orders.eu.creates",
    ];
    const found = new Map(topics.map((topic) => [topic, routeOf(routes, topic)]));
    expect(new Set(found.values()).size).toBe(topics.length);
    for (const topic of topics.toReversed()) {
      expect(routeOf(routes, topic)).toBe(found.get(topic));
      expect(routeOf(routes, topic).topic).toBe(topic);
    }
  });

  test("names receivers within a bound, and few that may be gone", () => {
    const many = Array.from({ length: 100_000 }, (_, i) => i) as unknown as Route["outboxes"];
    const routes = new Routes((route) => {
      route.outboxes = many;
    });
    const named = (): number => [...routes.all()].reduce((sum, { outboxes }) => sum + outboxes.length, 0);
    for (let i = 0; i < 50; i++) {
      expect(routeOf(routes, `t.${i}`).outboxes).toBe(many);
      expect(named()).toBeLessThanOrEqual(1024 * 1024);
      expect(routeOf(routes, "t.0").outboxes).toBe(many);
    }
    routes.changed();
    expect(named()).toBe(0);
    expect(routeOf(routes, "t.0").outboxes).toBe(many);
  });

  test.each(["$sys.ping", "$", "$mine.x"])("%s is the broker's own", (topic) => {
    expect(routeOf(new Routes(() => {}), topic).system).toBe(true);
  });

  test.each(["a", "a.$sys", "a$"])("%s is not", (topic) => {
    expect(routeOf(new Routes(() => {}), topic).system).toBe(false);
  });
});

describe("what is no topic", () => {
  test.each(["", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "a\u0000", "a\u007f", "x".repeat(256)])(
    "%j is said why, and never kept",
    (topic) => {
      const routes = new Routes(() => {
        throw new Error("it is resolved");
      });
      for (let i = 0; i < 3; i++) expect(find(routes, topic)).toMatch(/topic/);
      expect([...routes.all()]).toEqual([]);
    },
  );

  test("bytes that are no UTF-8", () => {
    expect(find(new Routes(() => {}), Buffer.of(0x61, 0xff))).toMatch(/UTF-8/);
  });
});

describe("a flood of topics", () => {
  test("takes a bounded number of routes, and each is still the right one", () => {
    const routes = new Routes(() => {});
    for (let i = 0; i < 50_000; i++) expect(routeOf(routes, `flood.${i}`).topic).toBe(`flood.${i}`);
    expect([...routes.all()].length).toBeLessThanOrEqual(8192);
  });

  test("does not push out one that is in use", () => {
    let resolved = 0;
    const routes = new Routes((route) => {
      if (route.topic === "busy") resolved++;
    });
    for (let i = 0; i < 60_000; i++) {
      routeOf(routes, `flood.${i}`);
      routeOf(routes, "busy");
    }
    expect(resolved).toBeLessThan(10);
  });
});
