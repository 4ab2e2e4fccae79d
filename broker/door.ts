// Where connections come in: each that is accepted, by Node or under a flood by hand (flood-gate.ts), is let in, waits (admission.ts) or is
// dropped. What is spoken then is the core's.

import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";

import type { Acceptor } from "../shared/os/acceptor.ts";
import { peerCredentials } from "../shared/os/credentials.ts";
import type { Listening } from "../shared/os/listen.ts";
import { Admission, originOf } from "./admission.ts";
import type { Core } from "./core/core.ts";
import type { PeerCredentials } from "./core/peer.ts";
import { FloodGate } from "./flood-gate.ts";
import type { BrokerLogger } from "./options.ts";
import { SocketTransport } from "./socket-transport.ts";

/** Connections beyond maxConnections that are accepted: to be told so, or to wait. Below what the open-files limit keeps for others. */
const ACCEPTED_BEYOND = 48;

export class Door {
  readonly #core: Core;
  readonly #maxAccepted: number;
  readonly #logger: BrokerLogger | undefined;
  readonly #admission: Admission;
  #floodGate: FloodGate | undefined;

  constructor(core: Core, { maxConnections, logger }: { maxConnections: number; logger: BrokerLogger | undefined }) {
    this.#core = core;
    this.#maxAccepted = maxConnections + ACCEPTED_BEYOND;
    this.#logger = logger;
    this.#admission = new Admission({
      now: () => performance.now(),
      after: (ms, run) => void setTimeout(run, ms),
      random: () => Math.random(),
      slowed: (uid) =>
        logger?.warn({ uid }, "connections of this uid wait in turn: many of them ended without having opened"),
    });
  }

  /** Takes whoever connects from now on. In the turn in which `listening` came. */
  open({ server, acceptor }: Listening): void {
    if (acceptor !== undefined) this.#floodGate = this.#newFloodGate(acceptor);
    server.on("connection", (socket) => this.#accept(socket));
    server.on("error", (error) => this.#logger?.error({ error }, "the listener failed to accept a connection"));
  }

  /** A connection of these ended, and had never opened. */
  neverOpened(credentials: PeerCredentials | undefined): void {
    this.#admission.failed(originOf(credentials));
  }

  /** Whoever waits is dropped. */
  close(): void {
    this.#floodGate?.close();
    this.#admission.close();
  }

  #accept(accepted: Socket | number): void {
    const transport = new SocketTransport(accepted);
    const credentials = peerCredentials(transport.fd);
    const drop = (): void => {
      transport.discard();
      this.#floodGate?.dropped();
    };
    // Those that wait must not keep out one of another user, whose turn it may be at once.
    if (this.#core.peers.size + this.#admission.waiting >= this.#maxAccepted && !this.#admission.makeRoom()) drop();
    else {
      this.#admission.arrived(originOf(credentials), {
        start: () => this.#core.connect(transport, credentials),
        drop,
      });
    }
  }

  #newFloodGate(acceptor: Acceptor): FloodGate {
    return new FloodGate({
      now: () => performance.now(),
      after: (ms, run) => void setTimeout(run, ms),
      byHand: () => acceptor.byHand(),
      acceptOne: () => {
        const fd = acceptor.next();
        if (fd !== undefined) this.#accept(fd);
        return fd !== undefined;
      },
      byNode: () => {
        try {
          acceptor.byNode();
          return true;
        } catch (error) {
          this.#logger?.error({ error }, "accepting goes on by hand: Node can't at present");
          return false;
        }
      },
    });
  }
}
