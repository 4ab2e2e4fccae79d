// Abstract names belong to the network namespace: who is in the broker's reaches it, who is in another does not, whatever other
// namespaces they share. Needs unshare and nsenter (util-linux), and root or the right to make user namespaces.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import {
  CLI,
  type Result,
  Running,
  startBroker,
  startCli,
  uniqueAddress,
  untilListening,
} from "../support/processes.ts";

/** A namespace of their own for a command's processes. */
const UNSHARE = process.getuid?.() === 0 ? ["unshare"] : ["unshare", "--user", "--map-root-user"];

function inNewNamespace(kind: "--net" | "--ipc", ...command: string[]): Running {
  return new Running(UNSHARE[0]!, [...UNSHARE.slice(1), kind, ...command]);
}

/** In the network namespace of the process `pid`. */
function inNamespaceOf(pid: number, ...command: string[]): Running {
  const user = UNSHARE.length > 1 ? ["--user", "--preserve-credentials"] : [];
  return new Running("nsenter", ["--target", String(pid), ...user, "--net", ...command]);
}

const podbus = (...args: string[]): string[] => [process.execPath, CLI, ...args];

/** A broker in a network namespace of its own. `unshare` becomes it, so that its pid is the broker's. */
async function isolatedBroker(address: string): Promise<Running> {
  const broker = inNewNamespace("--net", ...podbus("serve", "--address", address));
  await untilListening(broker);
  return broker;
}

function expectRefused({ code, stderr }: Result, address: string): void {
  expect(code).toBe(1);
  expect(stderr.split("\n")[0]).toContain(address);
}

describe("an abstract socket", () => {
  test("is reached from the same network namespace, and from no other", async () => {
    const address = uniqueAddress();
    await using broker = await isolatedBroker(address);
    const inside = await inNamespaceOf(broker.pid, ...podbus("ping", "--address", address)).ended;
    expect({ code: inside.code, stderr: inside.stderr }).toEqual({ code: 0, stderr: "" });
    expectRefused(await startCli(["ping", "--address", address]).ended, address);
    expectRefused(await inNewNamespace("--net", ...podbus("ping", "--address", address)).ended, address);
  });

  test("messages pass between processes of one namespace", async () => {
    const address = uniqueAddress();
    await using broker = await isolatedBroker(address);
    await using sub = inNamespaceOf(broker.pid, ...podbus("sub", "t.*", "--count", "1", "--raw", "--address", address));
    const wait = await inNamespaceOf(broker.pid, ...podbus("wait", "t.a", "--address", address)).ended;
    expect(wait.code).toBe(0);
    const pub = await inNamespaceOf(broker.pid, ...podbus("pub", "t.a", "hello", "--address", address)).ended;
    expect(pub.code).toBe(0);
    expect((await sub.ended).stdout.trim()).toBe("hello");
  });

  test("one name may be taken in each namespace: two brokers that know nothing of each other", async () => {
    const address = uniqueAddress();
    await using inside = await isolatedBroker(address);
    await using outside = await startBroker({ address });
    const ping = async (running: Running): Promise<unknown> => JSON.parse((await running.ended).stdout);
    const [one, other] = [
      (await ping(inNamespaceOf(inside.pid, ...podbus("ping", "--json", "--address", address)))) as { broker: string },
      (await ping(startCli(["ping", "--json", "--address", outside.address]))) as { broker: string },
    ];
    expect(one.broker).toMatch(/./);
    expect(one.broker).not.toBe(other.broker);
  });

  test("is reached from another IPC namespace: that one has no part in it", async () => {
    await using broker = await startBroker();
    const ping = await inNewNamespace("--ipc", ...podbus("ping", "--address", broker.address)).ended;
    expect({ code: ping.code, stderr: ping.stderr }).toEqual({ code: 0, stderr: "" });
  });
});

test("a file-system socket is reached from another network namespace", async () => {
  const folder = await mkdtemp(join(tmpdir(), "podbus-"));
  try {
    const address = join(folder, "podbus.sock");
    await using broker = await startBroker({ address });
    const ping = await inNewNamespace("--net", ...podbus("ping", "--address", broker.address)).ended;
    expect({ code: ping.code, stderr: ping.stderr }).toEqual({ code: 0, stderr: "" });
  } finally {
    await rm(folder, { recursive: true });
  }
});
