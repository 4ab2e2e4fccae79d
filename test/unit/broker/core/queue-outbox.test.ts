import { expect, test } from "vitest";

import { ChunkPool } from "../../../../broker/core/chunks.ts";
import { newestOfEach } from "../../../../broker/core/queue-outbox.ts";
import { Run } from "../../../../broker/core/run.ts";
import { Op } from "../../../../shared/protocol.ts";
import { frame } from "../../../support/msgpack.ts";

const pool = new ChunkPool();

/** A run of one message on each of `topics`, the first of them the `order`-th. */
function run(order: number, ...topics: string[]): Run {
  const bytes = Buffer.concat(topics.map((topic) => frame(Op.PUB, topic, null)));
  const chunk = pool.takeExactly(bytes.length);
  bytes.copy(chunk.buf);
  return new Run(chunk, 0, bytes.length, topics.length, order, 0);
}

test("of each topic the newest stays, in the order of the newest, and all others are replaced", () => {
  const { newest, replaced } = newestOfEach([run(0, "a"), run(3, "b", "a", "c", "a"), run(9, "b")]);
  expect(newest.map(({ order, count }) => [order, count])).toEqual([
    [5, 1],
    [6, 1],
    [9, 1],
  ]);
  expect(replaced.map(({ order, count }) => [order, count])).toEqual([
    [0, 1],
    [4, 1],
    [3, 1],
  ]);
});

test("of nothing nothing stays", () => {
  expect(newestOfEach([])).toEqual({ newest: [], replaced: [] });
});
