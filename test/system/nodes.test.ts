// A broker's name is the exact one on every Node: this one and the newest, either way round, and Python, which knows nothing of
// Node, reaches both and is reached by both. Needs python3 and the npm registry.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CLI, Running, uniqueAddress, untilListening } from "../support/processes.ts";
import { type InstalledNode, installCurrentNode } from "../support/nodes.ts";

let current: InstalledNode;

beforeAll(async () => {
  current = await installCurrentNode();
});

afterAll(async () => {
  await current[Symbol.asyncDispose]();
});

/** Which Node runs what. */
const NODES = {
  "this Node": () => process.execPath,
  "a current Node": () => current.path,
} as const;
type Which = keyof typeof NODES;
const WHICH = Object.keys(NODES) as Which[];

function podbus(which: Which, ...args: string[]): Running {
  return new Running(NODES[which](), [CLI, ...args]);
}

async function serve(which: Which, address: string): Promise<Running> {
  const broker = podbus(which, "serve", "--address", address);
  await untilListening(broker);
  return broker;
}

function python(script: string, ...args: string[]): Running {
  return new Running("python3", ["-c", script, ...args]);
}

/** Does the opening with nothing but a socket, subscribes to what it publishes, and prints the frames that come, as hex. */
const PYTHON_CLIENT = `
import socket, sys
bus = socket.socket(socket.AF_UNIX)
bus.settimeout(10)
bus.connect("\\0" + sys.argv[1][1:])
assert bus.recv(4096)[:2] == b"\\x93\\x00", "no HELLO"
bus.sendall(bytes.fromhex("920001 930201a174 9301a174a468692121 920402"))
came = b""
while not (b"hi!!" in came and b"\\x93\\x05\\x02" in came):
    piece = bus.recv(4096)
    assert piece, "the broker closed: " + came.hex()
    came += piece
print(came.hex())
`;

/** Listens as a broker would, prints what a client answers to its HELLO, and says OK. */
const PYTHON_LISTENER = `
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind("\\0" + sys.argv[1][1:])
server.listen()
server.settimeout(20)
print("listening", flush=True)
peer, _ = server.accept()
peer.settimeout(10)
peer.sendall(bytes.fromhex("930001d40180"))
print(peer.recv(4096)[:3].hex(), flush=True)
`;

test("they are two Nodes", () => {
  expect(current.version).not.toBe(process.versions.node);
  expect(Number(current.version.split(".")[0])).toBeGreaterThanOrEqual(22);
});

describe.each(WHICH)("a broker on %s", (which) => {
  test("is reached by Python under its exact name, and speaks the protocol with it", async () => {
    const address = uniqueAddress();
    await using broker = await serve(which, address);
    const { code, stdout, stderr } = await python(PYTHON_CLIENT, address).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    // OK 0, FOR 1, the PUB byte for byte, OK of the SYNC with one delivery: the last two in either order.
    const frames = ["920500", "920a019301a174a468692121", "93050201"];
    expect([frames.join(""), [frames[0], frames[2], frames[1]].join("")]).toContain(stdout.trim());
    expect((await broker.stop()).code).toBe(0);
  });

  test.each([1, 50, 107])("under a name of %i bytes", async (length) => {
    const address = `@${uniqueAddress().slice(-length).padEnd(length, "x").slice(0, length)}`;
    await using broker = await serve(which, address);
    const { code, stderr } = await python(PYTHON_CLIENT, address).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect((await broker.stop()).code).toBe(0);
  });

  test.each(WHICH)("is reached by a client on %s", async (other) => {
    const address = uniqueAddress();
    await using broker = await serve(which, address);
    const ping = await podbus(other, "ping", "--address", address).ended;
    expect({ code: ping.code, stderr: ping.stderr }).toEqual({ code: 0, stderr: "" });
    await using sub = podbus(other, "sub", "orders.>", "--count", "1", "--address", address, "--raw");
    const wait = await podbus(other, "wait", "orders.eu", "--address", address).ended;
    expect({ code: wait.code, stderr: wait.stderr }).toEqual({ code: 0, stderr: "" });
    const pub = await podbus(which, "pub", "orders.eu", "hello", "--confirm", "--address", address).ended;
    expect({ code: pub.code, stderr: pub.stderr }).toEqual({ code: 0, stderr: "" });
    const { code, stdout } = await sub.ended;
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: "hello" });
    expect((await broker.stop()).code).toBe(0);
  });

  test.each(WHICH)("keeps its name from a second broker on %s", async (other) => {
    const address = uniqueAddress();
    await using broker = await serve(which, address);
    const { code, stderr } = await podbus(other, "serve", "--address", address).ended;
    expect(code).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(address);
    expect((await broker.stop()).code).toBe(0);
  });
});

test.each(WHICH)("a client on %s reaches a Python listener under its exact name", async (which) => {
  const address = uniqueAddress();
  await using listener = python(PYTHON_LISTENER, address);
  await listener.untilPrinted("listening");
  // It says a HELLO without what a broker says of itself, so the client refuses it, but only after it has been there.
  const { code, stderr } = await podbus(which, "ping", "--address", address, "--connect-timeout", "1s").ended;
  expect(code).toBe(1);
  expect(stderr).not.toMatch(/ECONNREFUSED|nothing listens/i);
  expect((await listener.ended).code).toBe(0);
});
