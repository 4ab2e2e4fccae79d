// The real Env: Node's clock, timers and turns, and the unix socket of a broker.

import { randomBytes, randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks"; // the global of that name is a getter, and this is asked for each acknowledged message

import type { Address } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import { MAX_TIMER_MS } from "../shared/max-timer.ts";
import { connectSocket } from "../shared/os/connect.ts";
import { peerCredentials } from "../shared/os/credentials.ts";
import { readClientSecret } from "../shared/os/secret-files.ts";
import { printable } from "../shared/printable.ts";
import { NONCE_BYTES, provenAddress } from "../shared/proof.ts";
import type { Env } from "./env.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Claim } from "./proof.ts";
import { SocketTransport } from "./socket-transport.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** Unlike any other process's, and cheap to count on from; made when it is first asked for. */
let processId: string | undefined;
let ids = 0;

export type EnvOptions = Pick<ResolvedOptions, "address" | "brokerUid" | "name" | "secret" | "secretFile">;

export class NodeEnv implements Env {
  readonly #address: Address;
  readonly #options: EnvOptions;

  constructor(options: EnvOptions) {
    this.#address = options.address;
    this.#options = options;
  }

  nowMs(): number {
    return performance.now();
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, Math.min(delayMs, MAX_TIMER_MS));
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
    processId ??= randomUUID();
    return `${processId}-${(ids++).toString(36)}`;
  }

  claim(): Claim {
    const { secret, secretFile, name } = this.#options;
    return {
      secret: secretFile === undefined ? secret : readClientSecret(secretFile, name),
      nonce: randomBytes(NONCE_BYTES),
      address: provenAddress(this.#address.text),
    };
  }

  dial(sink: TransportSink): Promise<Transport> {
    return SocketTransport.open(sink, async (options) => {
      const socket = await connectSocket(this.#address, options);
      try {
        const { brokerUid } = this.#options;
        if (brokerUid !== undefined) this.#checkBroker(socket, brokerUid);
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
