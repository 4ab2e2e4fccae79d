import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { runCli, startBroker, startCli } from "../support/processes.ts";

test("queues are listed, shown, changed, purged and removed", async () => {
  await using broker = await startBroker();
  const { env } = broker;
  const podbus = (...args: string[]) => runCli(args, { env });

  expect((await podbus("queue", "ls")).stdout).toBe("there are no queues\n");
  expect(await podbus("queue", "show", "jobs")).toMatchObject({ code: 1, stdout: "" });

  await using worker = startCli(["sub", "jobs.>", "--queue", "jobs", "--ack"], { env });
  await podbus("wait", "jobs.a");
  const [{ queue, members }] = (JSON.parse((await podbus("queue", "ls", "--json")).stdout) as { queues: [never] })
    .queues as [{ queue: string; members: number[] }];
  expect({ queue, members: members.length }).toEqual({ queue: "jobs", members: 1 });
  expect((await podbus("queue", "ls")).stdout).toMatch(/^jobs +jobs\.> +1 +0 +-/m);

  const set = await podbus("queue", "set", "jobs", "maxMessages=10", "ackTimeoutMs=2m", "deadLetter=dead.jobs");
  expect(set).toMatchObject({ code: 0 });
  const shown = JSON.parse((await podbus("queue", "show", "jobs", "--json")).stdout) as { options: object };
  expect(shown.options).toMatchObject({ maxMessages: 10, ackTimeoutMs: 120_000, deadLetter: "dead.jobs", ack: true });
  expect((await podbus("queue", "set", "jobs", "keep=1")).stderr).toContain("keep can't change while a queue lives");

  expect((await podbus("queue", "rm", "jobs")).stderr).toContain("add --yes");
  expect(await podbus("queue", "purge", "jobs", "--yes")).toMatchObject({ code: 0 });
  expect(await podbus("queue", "rm", "jobs", "--yes")).toMatchObject({ code: 0 });
  expect((await worker.ended).stderr).toContain("queue jobs was removed");
  expect((await podbus("queue", "ls")).stdout).toBe("there are no queues\n");
});

test.each([
  [["queue"], "action"],
  [["queue", "burn"], "burn"],
  [["queue", "show"], "needs the queue's name"],
  [["queue", "set", "jobs"], "needs OPTION=VALUE"],
  [["queue", "set", "jobs", "limit"], "expected OPTION=VALUE"],
  [["queue", "ls", "--count", "1"], "--count"],
] as const)("%j is wrong usage, told in a line", async (args, told) => {
  const { code, stdout, stderr } = await runCli([...args]);
  expect({ code, stdout, lines: stderr.trim().split("\n").length }).toEqual({ code: 2, stdout: "", lines: 1 });
  expect(stderr).toContain(told);
});

test("a durable queue outlives the broker, and the books balance", async () => {
  const data = mkdtempSync(join(tmpdir(), "podbus-data-"));
  try {
    let address: string;
    {
      await using broker = await startBroker({ args: ["--data", data, "--memory-limit", "64MiB"] });
      ({ address } = broker);
      const { env } = broker;
      await using responder = startCli(["request", "$sys.ping"], { env });
      expect((await responder.ended).code).toBe(0);
      expect((await runCli(["stats", "--check"], { env })).stdout).toBe("the books balance\n");
      expect((await runCli(["stats", "--json"], { env })).stdout).toContain(`"memoryLimitBytes":${64 * 1024 * 1024}`);
      expect(await runCli(["pub", "kept.a", "1", "--retain", "--confirm"], { env })).toMatchObject({ code: 0 });
    }
    await using broker = await startBroker({ address, args: ["--data", data] });
    expect((await runCli(["sub", "kept.>", "--count", "1"], { env: broker.env })).stdout).toContain("kept.a");
    const second = await runCli(["serve", "--address", `${address}-2`, "--data", data]);
    expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 1 });
    expect(second.stderr).toContain("in use by another broker");
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});
