// A client that speaks the wire itself: connects, says HELLO, does what its plan says a step at a time, and connects anew. What it
// does is its roles' matter.

import type { Connection } from "../connection.ts";
import { Kind } from "../loop.ts";
import type { ClientPlan } from "../plan.ts";
import type { Random } from "../random.ts";
import { encode, Op, type Plain, type Read } from "../wire.ts";
import { Calling } from "./calling.ts";
import type { Client, ClientWorld } from "./client.ts";
import { Consuming } from "./consuming.ts";
import { Hostile } from "./hostile.ts";
import { Publishing } from "./publishing.ts";

/** A part of what a client does. */
export interface Role {
  /** The connection is open, or will be: what is sent now is acted upon then. */
  connected(): void;
  /** True where it did something. */
  step(): boolean;
  came(frame: Read): void;
  disconnected(): void;
  finish(): void;
  readonly isDone: boolean;
}

const RETRY_MS = 20;
const MAX_RETRY_MS = 400;

export class RawClient implements Client {
  readonly plan: ClientPlan;
  readonly world: ClientWorld;
  readonly random: Random;
  connection: Connection | undefined;
  isOpen = false;
  isFinishing = false;
  isGone = false;
  /** It has sent what is no frame, and sends nothing behind it. */
  isMuted = false;
  #hangs = false;
  #steps: number;
  #number = 0;
  #tries = 0;
  #isLeaving = false;
  #isHalfClosed = false;
  #syncs = new Set<number>();
  readonly #roles: Role[];

  constructor(plan: ClientPlan, world: ClientWorld, random: Random) {
    this.plan = plan;
    this.world = world;
    this.random = random;
    this.#steps = plan.steps;
    this.#roles = [];
    if (plan.hostile !== undefined) this.#roles.push(new Hostile(this, plan.hostile));
    if (plan.subs.length > 0 || plan.responds.length > 0) this.#roles.push(new Consuming(this));
    if (plan.publishes !== undefined) this.#roles.push(new Publishing(this, plan.publishes));
    if (plan.calls !== undefined) this.#roles.push(new Calling(this, plan.calls));
    world.loop.in(random.below(plan.pauseMs * 4 + 1), Kind.CONNECT, plan.index, () => this.#connect());
  }

  get isDone(): boolean {
    return this.isGone || (this.#syncs.size === 0 && this.#roles.every((role) => role.isDone));
  }

  /** Whether it says no HELLO that is one. */
  get #staysOut(): boolean {
    return this.plan.hostile === "no-hello" || this.plan.hostile === "bad-hello";
  }

  /** A number that this connection has not used. */
  number(): number {
    return ++this.#number;
  }

  send(...elements: Plain[]): void {
    this.write(encode(...elements));
  }

  write(bytes: Buffer): void {
    if (!this.isMuted) this.connection?.write([bytes]);
  }

  sync(): void {
    const id = this.number();
    this.#syncs.add(id);
    this.send(Op.SYNC, id);
  }

  // ── The connection ────────────────────────────────────────────────────────────────────────────────────────────────

  #connect(): void {
    if (this.isGone || this.connection !== undefined) return;
    const connection = this.world.dial(this.plan.net, {
      frames: (frames) => this.#came(frames),
      written: () => {},
      ended: () => this.#ended(),
    });
    if (connection === undefined) {
      this.world.faults.hit("refused-connect");
      this.#again();
      return;
    }
    this.connection = connection;
    this.isOpen = this.isMuted = false;
    this.#number = 0;
    this.#isLeaving = this.#isHalfClosed = false;
    if (this.#staysOut) {
      for (const role of this.#roles) role.connected();
      this.#stepSoon();
      return;
    }
    // Some wait for the broker's HELLO, some do not.
    if (this.random.percent(50)) this.#hello();
  }

  #hello(): void {
    this.isOpen = true;
    this.send(Op.HELLO, 1, this.random.percent(50) ? { name: `client-${this.plan.index}` } : null);
    for (const role of this.#roles) role.connected();
    this.#stepSoon();
  }

  #again(): void {
    const pauseMs = Math.min(RETRY_MS * 2 ** this.#tries++, MAX_RETRY_MS);
    this.world.loop.in(pauseMs + this.random.below(pauseMs), Kind.CONNECT, this.plan.index, () => this.#connect());
  }

  #came(frames: readonly Read[]): void {
    for (const frame of frames) {
      if (this.connection === undefined) return;
      switch (frame.op) {
        case Op.HELLO:
          if (!this.isOpen && !this.#staysOut) this.#hello();
          break;
        case Op.PING:
          if (!this.#hangs) this.send(Op.PONG);
          break;
        case Op.OK:
          this.#tries = 0;
          this.#syncs.delete(frame.elements[1] as number);
          break;
        case Op.ERR:
          if (typeof frame.elements[1] === "number") this.#syncs.delete(frame.elements[1]);
          break;
        case Op.BYE:
          // Most finish and answer, some just stay.
          if (this.isFinishing || this.random.percent(80)) this.#sayBye();
          break;
        default:
      }
      for (const role of this.#roles) role.came(frame);
    }
  }

  /** It finishes what it has, and goes in order. */
  #sayBye(): void {
    for (const role of this.#roles) role.finish();
    if (!this.#isLeaving) this.send(Op.BYE);
    this.#isLeaving = true;
  }

  #ended(): void {
    const { connection } = this;
    if (connection === undefined) return;
    connection.close();
    this.#lost();
  }

  #lost(): void {
    this.connection = undefined;
    this.isOpen = false;
    this.#syncs.clear();
    for (const role of this.#roles) role.disconnected();
    if (!this.isGone && (this.isFinishing ? this.plan.hostile === undefined : true)) this.#again();
  }

  // ── Steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #stepSoon(): void {
    const mine = this.connection;
    const { pauseMs, index } = this.plan;
    this.world.loop.in(this.random.below(pauseMs * 8 + 1) / 8, Kind.STEP, index, () => {
      if (this.connection === mine && mine !== undefined) this.#step();
    });
  }

  #step(): void {
    if (this.isFinishing || this.#hangs || this.#isLeaving) return;
    // One that is blocked in a write does nothing else.
    if (this.connection!.isClientWriting && this.random.percent(80)) return this.#stepSoon();
    if (this.#steps-- <= 0) return;
    const { stallPercent, vanishPercent, byePercent, hangs } = this.plan;
    const { random, connection } = this;
    if (random.percent(stallPercent)) {
      if (hangs) {
        this.#hangs = true;
        connection!.stalledUntilMs = Number.POSITIVE_INFINITY;
        return;
      }
      connection!.stalledUntilMs = this.world.loop.nowMs + random.below(400);
    } else if (random.percent(vanishPercent)) {
      return this.#vanish();
    } else if (random.percent(byePercent)) {
      this.#sayBye();
      return;
    } else {
      for (const role of this.#roles) role.step();
    }
    if (this.connection === connection) this.#stepSoon();
  }

  #vanish(): void {
    const { connection, random } = this;
    if (random.percent(30)) {
      this.world.faults.hit("half-close");
      connection!.shutdown();
      this.#isLeaving = this.#isHalfClosed = true;
      return;
    }
    this.world.faults.hit(random.percent(50) ? "vanish" : "reset");
    connection!.close();
    this.#lost();
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────

  finish(): void {
    this.isFinishing = true;
    if (this.plan.hostile !== undefined) return this.leave();
    if (this.#hangs) return;
    this.#resume();
  }

  wake(): void {
    this.#hangs = false;
    this.#resume();
  }

  #resume(): void {
    this.connection?.wake();
    if (this.connection === undefined || !this.isOpen) return;
    if (this.#isHalfClosed || this.isMuted) return this.#ended();
    if (this.#isLeaving) return;
    for (const role of this.#roles) role.finish();
    this.sync();
  }

  leave(): void {
    this.isGone = true;
    const { connection } = this;
    this.connection = undefined;
    connection?.close();
  }
}
