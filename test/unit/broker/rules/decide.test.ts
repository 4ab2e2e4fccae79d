import { expect, test } from "vitest";

import type { Subject } from "../../../../broker/core/rules.ts";
import { decide } from "../../../../broker/rules/decide.ts";
import { parseRules } from "../../../../broker/rules/read.ts";

const rules = parseRules(
  `rules:
  - who: { identity: billing }
    publish: [a.>, b.*]
  - who: [{ identity: billing, uid: 1001 }, { gid: 2000 }]
    publish: c
    queue: jobs.*
  - who: any
    subscribe: public.>
  - who: { uid: 7 }
    admin: true
`,
  "rules.yaml",
);
const who = (subject: Partial<Subject>): Subject => ({
  identity: undefined,
  uid: undefined,
  gid: undefined,
  ...subject,
});

test("the first rule that permits it is named, with what in it does", () => {
  expect(decide(rules, who({ identity: "billing" }), "publish", "b.x")).toEqual({
    allowed: true,
    line: 2,
    by: "b.*",
    considered: [
      { line: 2, permits: ["a.>", "b.*"] },
      { line: 7, permits: [] },
    ],
  });
});

test("all that is said of somebody has to be true", () => {
  const may = (subject: Partial<Subject>): boolean => decide(rules, who(subject), "publish", "c").allowed;
  expect(may({ identity: "billing", uid: 1001 })).toBe(true);
  expect(may({ identity: "billing", uid: 1002 })).toBe(false);
  expect(may({ identity: "billing" })).toBe(false);
  expect(may({ uid: 1001 })).toBe(false);
  expect(may({ uid: 5, gid: 2000 })).toBe(true);
});

test("what no rule permits is refused, whoever asks", () => {
  expect(decide(rules, who({ uid: 1 }), "request", "a")).toMatchObject({ allowed: false, line: undefined });
  expect(decide(rules, who({ uid: 1 }), "subscribe", ">").allowed).toBe(false);
  expect(decide(rules, who({ uid: 1 }), "subscribe", "public.*").allowed).toBe(true);
  expect(decide(rules, who({ gid: 2000 }), "queue", "jobs.a").allowed).toBe(true);
});

test("who administers reads $sys, and nobody does by a pattern", () => {
  expect(decide(rules, who({ uid: 7 }), "sys")).toMatchObject({ allowed: true, by: "admin", line: 9 });
  expect(decide(rules, who({ uid: 7 }), "subscribe", "$sys.events.>")).toMatchObject({ allowed: true, by: "admin" });
  expect(decide(rules, who({ uid: 8 }), "subscribe", "$sys.events.>").allowed).toBe(false);
  expect(decide(rules, who({ uid: 7 }), "publish", "$sys.x").allowed).toBe(false);
});

test("a topic that can't be one is told", () => {
  expect(() => decide(rules, who({}), "publish", "a..b")).toThrow(expect.objectContaining({ code: "bad_topic" }));
  expect(() => decide(rules, who({}), "publish", "a.*")).toThrow(expect.objectContaining({ code: "bad_topic" }));
  expect(() => decide(rules, who({}), "queue", "a.>")).toThrow(expect.objectContaining({ code: "bad_topic" }));
  expect(() => decide(rules, who({}), "respond", "a.>.b")).toThrow(expect.objectContaining({ code: "bad_pattern" }));
  expect(() => decide(rules, who({}), "publish")).toThrow(/expected a topic/);
});
