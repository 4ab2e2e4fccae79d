import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  type BrokerProcess,
  eventually,
  type Result,
  type Running,
  runCli,
  startBroker,
  startCli,
} from "../support/processes.ts";

let broker: BrokerProcess;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const run = (...args: string[]): Promise<Result> => runCli(args, { env: broker.env });

/** A queue that outlives its only member, which is gone. */
async function kept(queue: string, ...args: string[]): Promise<void> {
  await using member = startCli(["sub", `${queue}.>`, "--queue", queue, "--keep", ...args], { env: broker.env });
  expect(await run("wait", `${queue}.a`)).toMatchObject({ code: 0 });
  expect(await member.stop("SIGINT")).toMatchObject({ code: 0, stderr: "" });
}

async function show(queue: string): Promise<Record<string, unknown>> {
  const { code, stdout } = await run("queue", "show", queue, "--json");
  expect(code).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const isLine = (text: string): boolean => /^podbus: [^\n]+\n$/.test(text);

test("queues are listed, shown and changed", async () => {
  await using alone = await startBroker();
  const podbus = (...args: string[]): Promise<Result> => runCli(args, { env: alone.env });
  expect((await podbus("queue", "ls")).stdout).toBe("there are no queues\n");
  expect(await podbus("queue", "ls", "--json")).toMatchObject({ code: 0, stdout: "" });
  const missing = await podbus("queue", "show", "jobs");
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(missing.stderr).toBe('podbus: there is no queue "jobs"; there is: none\n');

  await using worker = startCli(["sub", "jobs.>", "--queue", "jobs", "--ack", "--max-attempts", "2"], {
    env: alone.env,
  });
  await podbus("wait", "jobs.a");
  const { queue, members } = JSON.parse((await podbus("queue", "ls", "--json")).stdout) as Record<string, unknown>;
  expect({ queue, members }).toEqual({ queue: "jobs", members: [expect.any(Number)] });
  expect((await podbus("queue", "ls")).stdout).toMatch(/^jobs +jobs\.> +1 +0 +0 +0 +0 +0 +-$/m);
  expect((await podbus("queue", "show", "jobs")).stdout).toMatch(/^option maxAttempts +2$/m);

  const set = await podbus("queue", "set", "jobs", "maxMessages=10", "ackTimeoutMs=2m", "deadLetter=dead.jobs");
  expect(set).toMatchObject({ code: 0, stderr: "" });
  expect(set.stdout).toMatch(/^option ackTimeoutMs +2 m 0 s$/m);
  const { stdout } = await podbus("queue", "set", "jobs", "deadLetter=", "--json");
  const { options } = JSON.parse(stdout) as { options: object };
  expect(options).toMatchObject({ maxMessages: 10, ackTimeoutMs: 120_000, ack: true });
  expect(options).not.toMatchObject({ deadLetter: expect.any(String) });
  const wrong = await podbus("queue", "set", "jobs", "overflow=disconnect");
  expect({ code: wrong.code, isLine: isLine(wrong.stderr) }).toEqual({ code: 2, isLine: true });
  expect(await worker.stop("SIGINT")).toMatchObject({ code: 0 });
});

test("what waits is shown with its age, purged, and removed with the queue", async () => {
  await kept("store");
  expect(await run("pub", "store.a", "1", "2", "3")).toMatchObject({ code: 0 });
  await eventually(async () => ((await show("store"))["oldestMs"] as number) > 0);
  expect(await show("store")).toMatchObject({ waiting: 3, inFlight: 0, members: [] });

  const refused = await run("queue", "purge", "store");
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toBe("podbus: 3 messages that wait in store will be dropped; add --yes to do it\n");
  expect((await show("store"))["waiting"]).toBe(3);
  expect(await run("queue", "purge", "store", "--yes")).toMatchObject({
    code: 0,
    stdout: "dropped 3 messages of store\n",
  });
  expect(await show("store")).toMatchObject({ waiting: 0, dropped: 3 });

  await using member = startCli(["sub", "store.>", "--queue", "store", "--ack"], { env: broker.env });
  // The queue does not acknowledge, and who differs is told how.
  expect((await member.ended).stderr).toContain("queue store has ack false, not true; say ack false");
  await using other = startCli(["sub", "store.>", "--queue", "store"], { env: broker.env });
  await eventually(async () => ((await show("store"))["members"] as number[]).length === 1);
  const unsure = await run("queue", "rm", "store");
  expect(unsure.stderr).toContain("store (0 messages waiting, 0 in flight, 1 member) will be removed; add --yes");
  expect(await run("queue", "rm", "store", "--yes")).toMatchObject({
    code: 0,
    stdout: "removed store; 0 messages dropped\n",
  });
  expect(await other.ended).toMatchObject({ code: 1, stdout: "" });
  expect(other.stderr).toContain("queue store was removed");
  expect((await run("queue", "show", "store")).stderr).toContain('there is no queue "store"');
});

test("dead letters are replayed where they died", async () => {
  await kept("dead", "--ack");
  await using worker = startCli(
    ["sub", "work.>", "--queue", "work", "--keep", "--ack", "--max-attempts", "1", "--dead-letter", "dead.work"],
    { env: broker.env },
  );
  expect(await run("wait", "work.a")).toMatchObject({ code: 0 });
  // It takes them and dies: the one that it worked on has had its only attempt.
  worker.child.kill("SIGSTOP");
  expect(await run("pub", "work.a", "poison", "--header", "n=1")).toMatchObject({ code: 0 });
  await eventually(async () => (await show("work"))["inFlight"] === 1);
  await worker.stop("SIGKILL");
  await eventually(async () => (await show("dead"))["waiting"] === 1);
  expect(await show("work")).toMatchObject({ dead: 1, waiting: 0 });

  expect(await run("queue", "replay", "dead", "--count", "5")).toMatchObject({
    code: 0,
    stdout: "replayed 1 dead letter of dead\n",
  });
  expect(JSON.parse((await run("queue", "replay", "dead", "--json")).stdout)).toEqual({
    queue: "dead",
    replayed: 0,
    kept: 0,
  });
  const again = await run("sub", "work.>", "--queue", "work", "--ack", "--count", "1", "--json");
  expect(JSON.parse(again.stdout)).toEqual({ topic: "work.a", data: "poison", headers: { n: 1 } });
  expect(await show("work")).toMatchObject({ waiting: 0, settled: 1, dead: 1 });

  // What is no dead letter stays.
  expect(await run("pub", "dead.x", "plain")).toMatchObject({ code: 0 });
  expect((await run("queue", "replay", "dead")).stdout).toContain("1 stay");
  expect(await show("dead")).toMatchObject({ waiting: 1 });
});

test("members of a queue in order by key, each message once, and not before its time", async () => {
  await kept("mail", "--ack", "--partition-by", "key");
  expect(await run("pub", "mail.a", "late", "--delay", "1h")).toMatchObject({ code: 0 });
  expect(await run("pub", "mail.a", "short", "--ttl", "1ms")).toMatchObject({ code: 0 });
  expect(await run("pub", "mail.a", "now", "--key", "7")).toMatchObject({ code: 0 });
  await new Promise((resolve) => setTimeout(resolve, 10));
  const { stdout } = await run("sub", "mail.>", "--queue", "mail", "--ack", "--count", "1", "--json");
  expect(JSON.parse(stdout)).toEqual({ topic: "mail.a", data: "now", headers: { key: "7" } });
  expect(await show("mail")).toMatchObject({ waiting: 1, settled: 1, expired: 1, options: { partitionBy: "key" } });
});

test("a message with an id that is known is not taken again", async () => {
  await kept("once", "--dedupe", "1h");
  for (let i = 0; i < 3; i++) expect(await run("pub", "once.a", "x", "--id", "job-1")).toMatchObject({ code: 0 });
  expect(await show("once")).toMatchObject({ waiting: 1, accepted: 1 });
});

describe("wrong usage", () => {
  test.each([
    [["queue"], "an action is missing"],
    [["queue", "burn"], 'there is no action "burn": podbus queue has ls, show, set, purge, rm, wait, replay'],
    [["queue", "--json", "ls"], "options come behind the action"],
    [["queue", "show"], "<queue> is missing; see podbus queue show --help"],
    [["queue", "ls", "jobs"], "too many arguments"],
    [["queue", "set", "jobs"], "<option=value> is missing"],
    [["queue", "set", "jobs", "limit"], "expected OPTION=VALUE"],
    [["queue", "set", "jobs", "keep=true"], "keep can't be changed while a queue lives"],
    [["queue", "ls", "--count", "1"], 'there is no option "--count"'],
    [["queue", "replay", "dead", "--count", "0"], "from 1 up"],
    [["sub", "a", "--keep"], "--keep needs --queue NAME"],
    [["pub", "a", "--id", "1", "x", "y"], "--id is one message's"],
    [["stats", "--check", "--watch"], "choose one"],
  ] as const)("%j is told in a line", async (args, told) => {
    const { code, stdout, stderr } = await runCli([...args]);
    expect({ code, stdout, isLine: isLine(stderr) }).toEqual({ code: 2, stdout: "", isLine: true });
    expect(stderr).toContain(told);
  });

  test.each([
    [["queue", "--help"], "replay NAME"],
    [["help", "queue", "set"], "Usage: podbus queue set [options] <queue> <option=value...>"],
    [["queue", "rm", "--help"], "--yes"],
  ] as const)("%j shows help", async (args, shown) => {
    const { code, stdout, stderr } = await runCli([...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(shown);
  });
});

describe("who holds whom up", () => {
  /** Publishes lines until it is held, and stays. */
  async function blocked(topic: string): Promise<Running> {
    const writer = startCli(["pub", topic, "--lines"], { env: broker.env, input: null });
    writer.write("x\n".repeat(20));
    return writer;
  }

  test("is told to the publisher, and to those who ask", async () => {
    await kept("full", "--max-messages", "10");
    await using writer = await blocked("full.a");
    await writer.until((_, stderr) => stderr.includes("podbus: full.a is held up by queue full, which is full"));
    const { stdout } = await run("stats");
    expect(stdout).toMatch(/^client \d+ \(podbus pub\) waits for queue full on full\.a$/m);
    expect(stdout).toMatch(/^blockedPublishers +1$/m);
    expect(stdout).toMatch(/^heldBytes .*% of memoryLimitBytes\)$/m);
    writer.write("last\n");
    expect(await run("queue", "purge", "full", "--yes")).toMatchObject({ code: 0 });
    await writer.until((_, stderr) => /podbus: full\.a goes on after [\d.]+ s/.test(stderr));
    writer.end();
    expect(await writer.ended).toMatchObject({ code: 0, stdout: "published 21 messages\n" });
    expect(writer.stderr.trim().split("\n")).toHaveLength(2);
  });

  test("what a reader that drops did not get is told in place", async () => {
    await using reader = startCli(["sub", "gap.>", "--overflow", "drop-oldest", "--max-messages", "5"], {
      env: broker.env,
    });
    expect(await run("wait", "gap.a")).toMatchObject({ code: 0 });
    reader.child.kill("SIGSTOP");
    const count = 400;
    const line = "x".repeat(10_000);
    expect(
      await runCli(["pub", "gap.a", "--lines"], { env: broker.env, input: `${line}\n`.repeat(count) }),
    ).toMatchObject({
      code: 0,
    });
    reader.child.kill("SIGCONT");
    await reader.until((_, stderr) => stderr.includes("lost"));
    const [, lost] = /^podbus: (\d+) messages lost: gap\.>, dropped\n$/.exec(reader.stderr)!;
    await reader.until((stdout) => stdout.split("\n").length - 1 === count - Number(lost));
    expect(await reader.stop("SIGINT")).toMatchObject({ code: 0 });
  });

  test("a queue on the disk of a broker that has none is refused", async () => {
    const { code, stdout, stderr } = await run("sub", "disk.>", "--queue", "disk", "--durable");
    expect({ code, stdout, isLine: isLine(stderr) }).toEqual({ code: 1, stdout: "", isLine: true });
    expect(stderr).toContain("option data");
  });
});

describe("the books", () => {
  test("balance with messages waiting, in flight and held", async () => {
    await kept("books", "--ack");
    await using worker = startCli(["sub", "books.>", "--queue", "books", "--ack", "--prefetch", "2"], {
      env: broker.env,
    });
    await eventually(async () => ((await show("books"))["members"] as number[]).length === 1);
    worker.child.kill("SIGSTOP");
    expect(await runCli(["pub", "books.a", "--lines"], { env: broker.env, input: "x\n".repeat(100) })).toMatchObject({
      code: 0,
    });
    const { code, stdout } = await run("stats", "--check", "--json");
    expect(code).toBe(0);
    const checked = JSON.parse(stdout) as { recounted: Record<string, number>; counters: Record<string, number> };
    expect(checked).toMatchObject({ ok: true, problems: [] });
    expect(checked.recounted["waiting"]).toBeGreaterThanOrEqual(98);
    expect(checked.recounted["inFlight"]).toBe(checked.counters["inFlight"]);
    expect((await run("stats", "--check")).stdout).toMatch(/^the books balance: \d+ waiting, 2 in flight, .*held\n$/);
  });

  test("are shown again and again, until a signal", async () => {
    await using watching = startCli(["stats", "--watch", "100ms", "--json"], { env: broker.env });
    await watching.until((stdout) => stdout.split("\n").length > 3);
    const { code, stdout, stderr } = await watching.stop("SIGINT");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout.split("\n")[0]!)).toHaveProperty("memoryLimitBytes");
  });
});

test("looking at some messages of a queue costs the others no attempt", async () => {
  await kept("look", "--ack", "--max-attempts", "2");
  for (const n of ["1", "2", "3", "4", "5", "6", "7", "8"]) await run("pub", "look.a", n);
  for (const n of [1, 2, 3]) {
    const { code, stdout } = await run("sub", "look.>", "--queue", "look", "--ack", "--count", "1");
    expect([code, stdout]).toEqual([0, `look.a ${n}\n`]);
  }
  expect(await show("look")).toMatchObject({ settled: 3, waiting: 5, dead: 0, inFlight: 0 });
});

test("wait ends once nothing waits, and all that was taken is settled", async () => {
  await kept("tidy");
  expect(await run("queue", "wait", "tidy")).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(await run("pub", "--confirm", "tidy.a", "1", "2")).toMatchObject({ code: 0 });
  const late = await run("queue", "wait", "tidy", "--for", "0");
  expect({ code: late.code, stdout: late.stdout }).toEqual({ code: 1, stdout: "" });
  expect(late.stderr).toBe("podbus: 2 messages wait in tidy, 0 are being worked on; see podbus queue show\n");

  await using waiting = startCli(["queue", "wait", "tidy"], { env: broker.env });
  await using worker = startCli(["sub", "tidy.>", "--queue", "tidy"], { env: broker.env });
  expect(await waiting.ended).toMatchObject({ code: 0, stdout: "", stderr: "" });
  await worker.untilPrinted("tidy.a 2\n");
  expect(await run("queue", "wait", "nothing")).toMatchObject({ code: 1, stdout: "" });
});
