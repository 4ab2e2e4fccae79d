import { expect, test } from "vitest";

import { type Described, oneQueue, queueList } from "../../../../cli/queue/show.ts";

const JOBS: Described = {
  queue: "jobs",
  pattern: "jobs.>",
  members: [3, 7],
  oldestMs: 90_000,
  waiting: 1234,
  inFlight: 2,
  settled: 10,
  dropped: 0,
  dead: 1,
  options: { ack: true, ackTimeoutMs: 30_000, maxBytes: 8 * 1024 * 1024, deadLetter: null },
};

test("a list has a line a queue", () => {
  const idle = { ...JOBS, queue: "idle", members: [], waiting: 0 };
  expect(queueList([JOBS, idle])).toBe(
    [
      "QUEUE  PATTERN  MEMBERS  WAITING  IN FLIGHT  SETTLED  DROPPED  DEAD  OLDEST",
      "jobs   jobs.>   2        1,234    2          10       0        1     1 m 30 s",
      "idle   jobs.>   0        0        2          10       0        1     -",
      "",
    ].join("\n"),
  );
  expect(queueList([])).toBe("there are no queues\n");
});

test("one is shown with its members and options", () => {
  const lines = oneQueue(JOBS)
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  expect(lines).toContainEqual(["members", "client 3, client 7"]);
  expect(lines).toContainEqual(["oldestMs", "1 m 30 s"]);
  expect(lines).toContainEqual(["option ackTimeoutMs", "30.0 s"]);
  expect(lines).toContainEqual(["option maxBytes", "8.0 MiB"]);
  expect(lines.map(([name]) => name)).not.toContain("option deadLetter");
});

test("an option whose 0 means that it is off is not shown as a number", () => {
  const options = { ...JOBS.options, ackTimeoutMs: 0, maxAttempts: 0, dedupeMs: 0 };
  const lines = oneQueue({ ...JOBS, options })
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  expect(lines).toContainEqual(["option ackTimeoutMs", "never"]);
  expect(lines).toContainEqual(["option maxAttempts", "no limit"]);
  expect(lines.map(([name]) => name)).not.toContain("option dedupeMs");
});

test("no name steers the terminal", () => {
  expect(queueList([{ ...JOBS, pattern: "a\u001b[2J" }])).not.toContain("\u001b");
});
