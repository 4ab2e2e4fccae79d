import { once } from "node:events";
import type { Socket } from "node:net";

import { expect, test } from "vitest";

import { SocketTransport } from "../../../client/socket-transport.ts";
import type { TransportSink } from "../../../client/transport.ts";
import { parseAddress } from "../../../shared/address.ts";
import { connectSocket } from "../../../shared/os/connect.ts";
import { listen } from "../../../shared/os/listen.ts";
import { eventually } from "../../support/embedded.ts";

class Sink implements TransportSink {
  readonly buf = Buffer.alloc(64);
  heard = "";
  writes = 0;
  readonly reasons: string[] = [];

  room(): Buffer {
    return this.buf;
  }

  filled(bytes: number): void {
    this.heard += this.buf.toString("latin1", 0, bytes);
  }

  written(): void {
    this.writes++;
  }

  ended(reason: string): void {
    this.reasons.push(reason);
  }
}

async function pair(): Promise<{ sink: Sink; transport: SocketTransport; peer: Socket; close: () => void }> {
  const { server, address, close } = await listen(parseAddress("@", { autobind: true }));
  const accepted = once(server, "connection");
  const sink = new Sink();
  const transport = await SocketTransport.open(sink, (options) => connectSocket(parseAddress(address), options));
  const [peer] = (await accepted) as [Socket];
  return { sink, transport, peer, close };
}

test("reads into the room that it is given, to the last byte, and tells the end once", async () => {
  const { sink, transport, peer, close } = await pair();
  const text = "0123456789".repeat(100);
  peer.end(text);
  await eventually(
    () => sink.reasons.length > 0,
    () => sink.heard,
  );
  expect(sink.heard).toBe(text);
  expect(sink.reasons).toEqual(["the broker closed the connection"]);
  transport.destroy();
  close();
});

test("what the kernel takes at once is taken; what it does not is told when it is", async () => {
  const { sink, transport, peer, close } = await pair();
  expect(transport.write([Buffer.from("a"), Buffer.from("b")])).toBe(true);
  expect(transport.untakenBytes()).toBe(0);
  const large = Buffer.alloc(4 * 1024 * 1024);
  expect(transport.write([large])).toBe(false);
  expect(transport.untakenBytes()).toBeGreaterThan(0);
  let came = 0;
  peer.on("data", (chunk: Buffer) => {
    came += chunk.length;
  });
  peer.resume();
  await eventually(
    () => sink.writes === 1 && came === large.length + 2,
    () => `${came} came`,
  );
  expect(transport.untakenBytes()).toBe(0);
  transport.end();
  await once(peer, "end");
  peer.end();
  await eventually(
    () => sink.reasons.length === 1,
    () => "no end",
  );
  close();
});

test("after destroy nothing is told", async () => {
  const { sink, transport, peer, close } = await pair();
  const closed = new Promise((resolve) => peer.on("error", () => {}).once("close", resolve));
  peer.write("x");
  transport.destroy();
  peer.resume();
  await closed;
  expect([sink.heard, sink.reasons]).toEqual(["", []]);
  close();
});
