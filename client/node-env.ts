// The real Env: Node's clock, timers and turns, and the unix socket of a broker.

import { randomUUID } from "node:crypto";

import type { Address } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import { connectSocket } from "../shared/os/connect.ts";
import { peerCredentials } from "../shared/os/credentials.ts";
import { printable } from "../shared/printable.ts";
import type { Env } from "./env.ts";
import { SocketTransport } from "./socket-transport.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** Unlike any other process's, and cheap to count on from. */
const processId = randomUUID();
let ids = 0;

export class NodeEnv implements Env {
  readonly #address: Address;
  readonly #brokerUid: number | undefined;

  constructor(address: Address, brokerUid: number | undefined) {
    this.#address = address;
    this.#brokerUid = brokerUid;
  }

  nowMs(): number {
    return performance.now();
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  }

  atTurnEnd(run: () => void): void {
    process.nextTick(run);
  }

  nextTurn(run: () => void): void {
    setImmediate(run);
  }

  random(): number {
    return Math.random();
  }

  uniqueId(): string {
    return `${processId}-${(ids++).toString(36)}`;
  }

  dial(sink: TransportSink): Promise<Transport> {
    return SocketTransport.open(sink, async (options) => {
      const socket = await connectSocket(this.#address, options);
      try {
        if (this.#brokerUid !== undefined) this.#checkBroker(socket, this.#brokerUid);
      } catch (error) {
        socket.destroy();
        throw error;
      }
      return socket;
    });
  }

  warn(message: string): void {
    process.emitWarning(message, "PodbusWarning");
  }

  /** Whoever comes first can take an abstract name: the kernel says who listens. */
  #checkBroker(socket: object, uid: number): void {
    const { _handle: handle } = socket as { _handle?: { fd?: number } };
    const peer = handle?.fd === undefined ? undefined : peerCredentials(handle.fd);
    if (peer?.uid === uid) return;
    const who = peer === undefined ? "the system does not tell who listens there" : `uid ${peer.uid} listens there`;
    const message = `brokerUid asks for a broker of uid ${uid} on ${printable(this.#address.text)}, but ${who}`;
    throw new PodbusError("not_allowed", message);
  }
}
