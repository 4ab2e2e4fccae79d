import { describe, expect, test } from "vitest";

import type { Confirm } from "../../../client/confirm.ts";
import { Numbers } from "../../../client/numbers.ts";
import { Syncs } from "../../../client/syncs.ts";
import { TopicTable } from "../../../client/topic-table.ts";
import { FrameWriter } from "../../../shared/codec/write.ts";
import { PodbusError } from "../../../shared/errors.ts";
import { frame, frames } from "../../support/msgpack.ts";
import { Op } from "../../support/raw-client.ts";

const topics = new TopicTable();
const limit = new PodbusError("limit", "too much");

function confirm(topic: string, log: unknown[]): Confirm {
  return {
    topic: topics.get(topic),
    frame: frame(Op.PUB, topic, 1),
    refusal: undefined,
    resolve: (receivers) => log.push([topic, receivers]),
    reject: ({ code }) => log.push([topic, code]),
  };
}

function fresh(): { syncs: Syncs; w: FrameWriter; log: unknown[] } {
  return { syncs: new Syncs(new Numbers(() => false)), w: new FrameWriter(0), log: [] };
}

test("a confirmed publish has a SYNC in front only where others came before", () => {
  const { syncs, w, log } = fresh();
  syncs.writeConfirm(w, confirm("a", log));
  syncs.published += 2;
  syncs.writeConfirm(w, confirm("b", log));
  expect(w.bytes()).toEqual(frames([Op.PUB, "a", 1], [Op.SYNC, 1], [Op.SYNC, 2], [Op.PUB, "b", 1], [Op.SYNC, 3]));
  expect([syncs.unconfirmed, syncs.uncovered]).toEqual([2, 0]);
  for (const id of [1, 2, 3]) expect(syncs.answered(id, id)).toBe(true);
  expect(syncs.answered(3, 1)).toBe(false);
  expect(log).toEqual([
    ["a", 1],
    ["b", 3],
  ]);
  expect(syncs.unconfirmed).toBe(0);
});

describe("a refusal", () => {
  test("is that of the confirmed publish whose SYNC is next to be answered", () => {
    const { syncs, w, log } = fresh();
    syncs.writeConfirm(w, confirm("a", log));
    expect(syncs.refused("a", limit)).toBe(true);
    syncs.answered(1, 1);
    expect(log).toEqual([["a", "limit"]]);
  });

  test("is not, where publishes without confirmation stand in front; nor if it has receivers", () => {
    const { syncs, w, log } = fresh();
    syncs.published++;
    syncs.writeConfirm(w, confirm("a", log));
    expect(syncs.refused("a", limit)).toBe(false);
    syncs.answered(1, 0);
    syncs.answered(2, 1);
    expect(log).toEqual([["a", 1]]);
  });

  test("is suspected where an answer in front was delayed, and certain if there are no receivers", () => {
    const { syncs, w, log } = fresh();
    syncs.writeConfirm(w, confirm("durable", log));
    syncs.writeConfirm(w, confirm("a", log));
    expect(syncs.refused("a", limit)).toBe(false);
    syncs.answered(1, 1);
    syncs.answered(2, 0);
    expect(log).toEqual([
      ["durable", 1],
      ["a", "limit"],
    ]);
  });

  test("of another topic, or where nothing is pending, is nobody's", () => {
    const { syncs, w, log } = fresh();
    expect(syncs.refused("a", limit)).toBe(false);
    syncs.writeConfirm(w, confirm("a", log));
    expect(syncs.refused("b", limit)).toBe(false);
  });
});

test("what an ending broker can't answer any more is asked of the next one", () => {
  const { syncs, w, log } = fresh();
  const barrier = { covers: false, resolve: () => log.push("done"), reject: () => log.push("failed") };
  syncs.writeConfirm(w, confirm("a", log));
  syncs.write(w, barrier);
  syncs.writeConfirm(w, confirm("b", log));
  const closing = new PodbusError("closing", "the broker is ending");
  expect([syncs.failed(1, closing), syncs.failed(2, closing)]).toEqual([true, true]);
  expect(syncs.pending).toBe(1);
  const { confirms, barriers } = syncs.reset();
  expect(confirms.map(({ topic }) => topic.name)).toEqual(["a", "b"]);
  expect(barriers).toEqual([barrier]);
  expect(log).toEqual([]);
  expect(syncs.reset()).toEqual({ confirms: [], barriers: [] });
});
