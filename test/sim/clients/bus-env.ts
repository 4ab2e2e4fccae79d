// The environment of podbus's own client in a run: simulated time, chance from the seed, and sockets of the simulation. What the client
// leaves for the end of a turn, promises among it, is done before the next event: so a run has one order, whatever the machine.

import type { Env } from "../../../client/env.ts";
import type { Claim } from "../../../client/proof.ts";
import type { Transport, TransportSink } from "../../../client/transport.ts";
import type { Connection, Net } from "../connection.ts";
import { Kind } from "../loop.ts";
import type { Random } from "../random.ts";
import type { ClientWorld } from "./client.ts";

/** Runs what waits for the end of Node's own turn: next ticks and promises. Node has no other way to have that done at once. */
const settlePromises = (process as unknown as { _tickCallback: () => void })._tickCallback;

export class BusEnv implements Env {
  readonly #world: ClientWorld;
  readonly #random: Random;
  readonly #index: number;
  readonly #net: Net;
  readonly #made: (connection: Connection) => void;
  #turnEnds: (() => void)[] = [];
  #ids = 0;
  #isInside = false;

  constructor(
    world: ClientWorld,
    random: Random,
    { index, net }: { index: number; net: Net },
    made: (connection: Connection) => void,
  ) {
    this.#world = world;
    this.#random = random;
    this.#index = index;
    this.#net = net;
    this.#made = made;
  }

  /** Runs something of the client's, and all that follows from it at once. */
  enter(run: () => void): void {
    if (this.#isInside) return run();
    this.#isInside = true;
    try {
      run();
      settlePromises();
      while (this.#turnEnds.length > 0) {
        const ends = this.#turnEnds;
        this.#turnEnds = [];
        for (const end of ends) end();
        settlePromises();
      }
    } finally {
      this.#isInside = false;
    }
  }

  nowMs(): number {
    return this.#world.loop.nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    this.#world.loop.in(delayMs, Kind.CLIENT_TIMER, this.#index, () => {
      if (!isCancelled) this.enter(run);
    });
    return () => {
      isCancelled = true;
    };
  }

  atTurnEnd(run: () => void): void {
    this.#turnEnds.push(run);
  }

  nextTurn(run: () => void): void {
    this.#world.loop.in(0, Kind.CLIENT_TURN, this.#index, () => this.enter(run));
  }

  random(): number {
    return this.#random.unit();
  }

  uniqueId(): string {
    return `bus-${this.#index}-${this.#ids++}`;
  }

  claim(): Claim {
    return { secret: undefined, nonce: Buffer.alloc(16), address: "@simulated" };
  }

  warn(): void {}

  dial(sink: TransportSink): Promise<Transport> {
    return new Promise((resolve, reject) => {
      this.#world.loop.in(this.#random.below(8) / 4, Kind.CONNECT, this.#index, () =>
        this.enter(() => {
          const connection = this.#connect(sink);
          if (connection === undefined) {
            this.#world.faults.hit("refused-connect");
            reject(new Error("nobody listens"));
          } else resolve(transportOf(connection));
        }),
      );
    });
  }

  #connect(sink: TransportSink): Connection | undefined {
    const connection = this.#world.dial(this.#net, {
      room: () => sink.room(),
      filled: (bytes) => this.enter(() => sink.filled(bytes)),
      written: () => this.enter(() => sink.written()),
      ended: (reason) => this.enter(() => sink.ended(reason)),
    });
    if (connection !== undefined) this.#made(connection);
    return connection;
  }
}

function transportOf(connection: Connection): Transport {
  return {
    write: (ranges) => connection.write(ranges),
    untakenBytes: () => connection.toBroker.untakenBytes,
    end: () => connection.shutdown(),
    destroy: () => connection.close(),
  };
}
