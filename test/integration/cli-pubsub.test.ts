import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  type BrokerProcess,
  eventually,
  type Result,
  type Running,
  runCli,
  startBroker,
  startCli,
  type StartOptions,
} from "../support/processes.ts";

let broker: BrokerProcess;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const run = (args: string[], options: StartOptions = {}): Promise<Result> =>
  runCli(args, { env: broker.env, ...options });

async function statsOf({ env }: BrokerProcess): Promise<Record<string, number>> {
  const { stdout } = await runCli(["stats", "--json"], { env });
  return JSON.parse(stdout) as Record<string, number>;
}

/** `podbus sub`, once it is subscribed: `topic` is one that its pattern matches, and that nobody else uses. */
async function sub(topic: string, ...args: string[]): Promise<Running> {
  const started = startCli(["sub", ...args], { env: broker.env });
  expect(await run(["wait", topic])).toMatchObject({ code: 0 });
  return started;
}

describe("what is published is printed, one line a message", () => {
  test("values, text, and where they came", async () => {
    await using reader = await sub("line.a", "line.>", "--count", "7");
    const data = ['{"id": 1}', "[1,2]", "42", "true", "null", "1.10", "hello there"];
    expect(await run(["pub", "line.a", ...data])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const printed = ['{"id":1}', "[1,2]", "42", "true", "null", "1.10", "hello there"];
    expect(await reader.ended).toMatchObject({
      code: 0,
      stdout: printed.map((line) => `line.a ${line}\n`).join(""),
      stderr: "",
    });
  });

  test("as JSON, with headers", async () => {
    await using reader = await sub("json.a", "json.*", "--json", "--count", "2");
    await run(["pub", "json.a", '{"id":1}', "--header", "trace=7", "--header", "who=me"]);
    await run(["pub", "json.b"], { input: Buffer.from([0xff, 0x00]) });
    const { stdout } = await reader.ended;
    expect(
      stdout
        .split("\n")
        .slice(0, 2)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { topic: "json.a", data: { id: 1 }, headers: { trace: 7, who: "me" } },
      { topic: "json.b", data: { base64: "/wA=" } },
    ]);
  });

  test("raw: the bytes that were piped, and nothing else", async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
    await using reader = await sub("raw.a", "raw.a", "--raw", "--count", "1");
    await run(["pub", "raw.a"], { input: bytes });
    expect((await reader.ended).bytes.equals(bytes)).toBe(true);
  });

  test("line breaks do not get through", async () => {
    await using reader = await sub("break.a", "break.a", "--count", "2");
    await run(["pub", "break.a", "a\nbreak.a forged\r"]);
    await run(["pub", "break.a", "end"]);
    expect((await reader.ended).stdout).toBe("break.a a\\nbreak.a forged\\r\nbreak.a end\n");
  });

  test("of several patterns", async () => {
    await using reader = await sub("two.b", "two.a", "two.b", "--count", "2");
    await run(["pub", "two.a", "x"]);
    await run(["pub", "two.b", "y"]);
    expect((await reader.ended).stdout).toBe("two.a x\ntwo.b y\n");
  });
});

describe("pub --lines", () => {
  test("publishes each line, in order, and says how many", async () => {
    const count = 50_000;
    const lines = Array.from({ length: count }, (_, i) => `line number ${i}`);
    await using reader = await sub("lines.a", "lines.a", "--count", String(count));
    const written = await run(["pub", "lines.a", "--lines"], { input: `${lines.join("\n")}\n` });
    expect(written).toMatchObject({ code: 0, stdout: "published 50,000 messages\n", stderr: "" });
    const { code, stdout } = await reader.ended;
    expect(code).toBe(0);
    expect(stdout === lines.map((line) => `lines.a ${line}\n`).join("")).toBe(true);
  });

  test("loses nothing to a reader that takes its time", async () => {
    // More than all buffers on the way hold: the publisher has to wait.
    const line = "x".repeat(10_000);
    const count = 4000;
    await using reader = await sub("slow.a", "slow.a", "--count", String(count), "--json");
    reader.child.stdout!.pause();
    await using writer = startCli(["pub", "slow.a", "--lines", "--json"], {
      env: broker.env,
      input: `${line}\n`.repeat(count),
    });
    // The broker tells when somebody is held.
    await eventually(async () => (await statsOf(broker))["blockedPublishers"]! > 0);
    reader.child.stdout!.resume();
    expect(await writer.ended).toMatchObject({ code: 0, stdout: `{"messages":${count}}\n` });
    const { stdout } = await reader.ended;
    expect(stdout.split("\n").filter((text) => text.includes(line))).toHaveLength(count);
  });

  test("--as json reads each line", async () => {
    await using reader = await sub("jsonl.a", "jsonl.a", "--count", "2", "--json");
    await run(["pub", "jsonl.a", "--lines", "--as", "json"], { input: '{"a":1}\n"text"' });
    expect((await reader.ended).stdout).toBe('{"topic":"jsonl.a","data":{"a":1}}\n{"topic":"jsonl.a","data":"text"}\n');
  });
});

describe("pub --confirm", () => {
  test("says how many deliveries there were", async () => {
    expect(await run(["pub", "confirm.a", "x", "--confirm"])).toMatchObject({
      code: 0,
      stdout: "published 1 message, delivered 0 times\n",
    });
    await using one = await sub("confirm.a", "confirm.a", "--count", "3");
    await using two = await sub("confirm.b", "confirm.>", "--count", "3");
    const { stdout } = await run(["pub", "confirm.a", "--lines", "--confirm", "--json"], { input: "1\n2\n3\n" });
    expect(JSON.parse(stdout)).toEqual({ messages: 3, receivers: 6 });
    expect([await one.ended, await two.ended]).toMatchObject([{ code: 0 }, { code: 0 }]);
  });
});

describe("pub --retain", () => {
  test("keeps the value for those who come later, until null clears it", async () => {
    await run(["pub", "kept.a", "on", "--retain"]);
    expect(await run(["sub", "kept.a", "--count", "1", "--json"])).toMatchObject({
      code: 0,
      stdout: '{"topic":"kept.a","data":"on","retained":true}\n',
    });
    await run(["pub", "kept.a", "null", "--retain"]);
    await using reader = await sub("kept.a", "kept.a", "--count", "1");
    await run(["pub", "kept.a", "live"]);
    expect((await reader.ended).stdout).toBe("kept.a live\n");
  });

  test("sub --no-retained leaves it out", async () => {
    await run(["pub", "kept.b", "old", "--retain"]);
    await using reader = await sub("kept.b", "kept.b", "--count", "1", "--no-retained");
    await run(["pub", "kept.b", "new"]);
    expect((await reader.ended).stdout).toBe("kept.b new\n");
  });
});

describe("sub", () => {
  test("members of a queue share the messages", async () => {
    await using one = await sub("queue.a", "queue.a", "--queue", "q1");
    await using two = startCli(["sub", "queue.a", "--queue", "q1"], { env: broker.env });
    await eventually(async () => {
      const { stdout } = await run(["request", "$sys.queues", "--json"]);
      const { queues } = JSON.parse(stdout) as { queues: { queue: string; members: number[] }[] };
      return queues.find(({ queue }) => queue === "q1")?.members.length === 2;
    });
    await run(["pub", "queue.a", "--lines"], { input: "m\n".repeat(1000) });
    const printed = (process: Running): number => process.stdout.split("\n").length - 1;
    await eventually(() => printed(one) + printed(two) === 1000);
    const ends = await Promise.all([one.stop("SIGINT"), two.stop("SIGINT")]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(ends.reduce((sum, { stdout }) => sum + stdout.split("\n").length - 1, 0)).toBe(1000);
  });

  test("a signal is its end, and its failure where --count was not reached", async () => {
    await using free = await sub("signal.a", "signal.a");
    await using counting = await sub("signal.b", "signal.b", "--count", "2");
    await run(["pub", "signal.a", "x"]);
    await run(["pub", "signal.b", "y"]);
    await free.untilPrinted("x");
    await counting.untilPrinted("y");
    expect(await free.stop("SIGINT")).toMatchObject({ code: 0, stdout: "signal.a x\n", stderr: "" });
    expect(await counting.stop("SIGTERM")).toMatchObject({ code: 143, stdout: "signal.b y\n", stderr: "" });
  });

  test("ends quietly when its reader goes away", async () => {
    await using reader = await sub("pipe.a", "pipe.a");
    await run(["pub", "pipe.a", "first"]);
    await reader.untilPrinted("first");
    reader.child.stdout!.destroy();
    await run(["pub", "pipe.a", "second"]);
    expect(await reader.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("connects anew by itself, and says so", async () => {
    await using first = await startBroker();
    await using reader = startCli(["sub", "again.a", "--count", "1"], { env: first.env });
    expect(await runCli(["wait", "again.a"], { env: first.env })).toMatchObject({ code: 0 });
    await first.stop("SIGKILL");
    await reader.until((_, stderr) => stderr.includes("was lost; trying again"));
    await using second = await startBroker({ address: first.address });
    expect(await runCli(["wait", "again.a"], { env: second.env })).toMatchObject({ code: 0 });
    await runCli(["pub", "again.a", "x"], { env: second.env });
    expect(await reader.ended).toMatchObject({ code: 0, stdout: "again.a x\n" });
  });
});

describe("what the broker refuses is one line", () => {
  test("a frame that is too large", async () => {
    await using small = await startBroker({ args: ["--max-frame", "64KiB"] });
    const { code, stderr } = await runCli(["pub", "a"], { env: small.env, input: Buffer.alloc(100_000) });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^podbus: [^\n]*\n$/);
  });

  test.each([
    [[], "sent so far: 3 messages, of which 3 may not have arrived"],
    [["--confirm"], "confirmed so far: 3 messages"],
  ])("a broker that goes away before it is done, and how far it had come, %j", async (more, soFar) => {
    await using gone = await startBroker();
    await using writer = startCli(["pub", "a", "--lines", ...more], { env: gone.env, input: null });
    writer.write("first\nsecond\nthird\n");
    await eventually(async () => (await statsOf(gone))["published"] === 3);
    await gone.stop("SIGKILL");
    const { code, stderr } = await writer.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^podbus: [^\n]*went away[^\n]*\n$/);
    expect(stderr).toContain(soFar);
  });
});
