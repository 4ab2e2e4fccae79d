import { expect, test } from "vitest";

import { RefusalLog } from "../../../../broker/core/refusal-log.ts";
import { World } from "../../../support/simulated.ts";

test("ten of a second are told, and how many were not", () => {
  const log = new RefusalLog();
  expect(Array.from({ length: 14 }, (_, i) => log.tells(100 + i)).filter(Boolean)).toHaveLength(10);
  expect(log.tells(1099)).toBe(false);
  expect(log.tells(1100)).toBe(true);
  expect(log.untold()).toBe(5);
  expect(log.untold()).toBe(0);
});

test("the broker's log has some of a flood, and their number with the next that is told", () => {
  const world = new World();
  const flood = (count: number): void => {
    for (let i = 0; i < count; i++) world.accept().write(Buffer.of(0xc1));
    world.run();
  };
  flood(100);
  expect(world.warnings.filter(({ code }) => code === "bad_hello")).toHaveLength(10);
  world.advance(1000);
  flood(1);
  expect(world.warnings.at(-1)).toMatchObject({ code: "bad_hello", alsoRefused: 90 });
});
