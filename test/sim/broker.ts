// A broker in a run: the real core, wired to the simulated clock and disk as broker/broker.ts wires it to the real ones, and that
// file's way of ending in order. It dies, freezes and is told BYE when the world says so.

import { Core } from "../../broker/core/core.ts";
import { handOver, inFlightOnDisk, needsDisk } from "../../broker/core/hand-over.ts";
import type { CoreOptions } from "../../broker/core/options.ts";
import type { Connection, Peerage } from "./connection.ts";
import type { Disk } from "./disk.ts";
import type { FaultCounts } from "./faults.ts";
import { Kind, type Loop } from "./loop.ts";
import type { Random } from "./random.ts";

/** As in broker/broker.ts. */
const CLOSING_MS = 20;
const HAND_OVER_MS = 1000;
const QUIET_MS = 100;
const LINGER_MS = 1000;
const MAX_TIMER_MS = 0x7fff_ffff;

/** How the clock of a run behaves. */
export interface ClockPlan {
  /** The broker's clock shows multiples of this; 0: as fine as it is. */
  readonly tickMs: number;
  /** Out of a hundred alarms, those that come late, by at most `maxLateMs`. */
  readonly latePercent: number;
  readonly maxLateMs: number;
}

export interface BrokerWorld {
  readonly loop: Loop;
  readonly random: Random;
  readonly faults: FaultCounts;
  readonly clock: ClockPlan;
  /** What the wall clock shows beyond the other. */
  readonly wallOffsetMs: number;
  /** The broker decided to close a connection with an error, or let one go that said BYE. */
  decided(client: number, code: string): void;
  /** What was read last has cost so much that others have their turn before all of it is acted upon. */
  interrupted(): void;
  /** Those who were interrupted go on. */
  goesOn(): void;
}

/** Who hears how far a broker's end has come. */
export interface ClosingHooks {
  /** Members of durable queues are about to be told that these are the next broker's. */
  dismissed(): void;
  /** The disk is free. */
  released(): void;
  ended(): void;
}

export class SimulatedBroker implements Peerage {
  readonly core: Core;
  readonly disk: Disk | undefined;
  readonly connections: Map<number, Connection> = new Map();
  frozenUntilMs = 0;
  isDead = false;
  isClosing = false;
  /** Whether a flush was asked for and has not come. */
  isFlushAsked = false;
  /** Turns that were handed on. */
  flushes = 0;
  readonly #world: BrokerWorld;
  #alarm = 0;
  #accepting: Connection | undefined;

  /** @throws DamagedStore */
  constructor(world: BrokerWorld, options: CoreOptions, makeDisk: (broker: Peerage) => Disk | undefined) {
    this.#world = world;
    this.disk = makeDisk(this);
    const { loop, random } = world;
    this.core = new Core(
      options,
      {
        now: () => this.nowMs,
        wallNow: () => 1_700_000_000_000 + loop.nowMs + world.wallOffsetMs,
        random: (bytes) => Buffer.alloc(bytes, random.next() & 0xff),
        scheduleFlush: () => this.#flushSoon(),
        nextTurn: () => {
          world.interrupted();
          this.#goOnSoon();
        },
        containerOf: () => undefined,
        neverOpened: () => {},
        setAlarm: (atMs) => this.#setAlarm(atMs),
        collect: () => {},
        log: (level, fields, message) => this.#log(level, fields, message),
      },
      this.disk,
    );
  }

  get nowMs(): number {
    const { tickMs } = this.#world.clock;
    const { nowMs } = this.#world.loop;
    return tickMs === 0 ? nowMs : Math.floor(nowMs / tickMs) * tickMs;
  }

  #log(level: string, fields: Record<string, unknown>, message: string): void {
    if (level === "error" && fields["error"] instanceof Error) {
      // "A frame could not be handled": a defect of the broker, whatever sent it.
      throw fields["error"];
    }
    if (typeof fields["client"] !== "number") return;
    if (typeof fields["code"] === "string") this.#world.decided(fields["client"], fields["code"]);
    else if (message === "client left") this.#world.decided(fields["client"], "left");
  }

  #flushSoon(): void {
    this.isFlushAsked = true;
    this.#world.loop.in(0, Kind.FLUSH, 0, () => this.#flush());
  }

  #flush(): void {
    if (this.isDead) return;
    if (this.frozenUntilMs > this.#world.loop.nowMs) {
      this.#world.loop.at(this.frozenUntilMs, Kind.FLUSH, 0, () => this.#flush());
      return;
    }
    this.isFlushAsked = false;
    this.core.flush();
    this.flushes++;
  }

  #goOnSoon(): void {
    const goOn = (): void => {
      if (this.isDead) return;
      if (this.frozenUntilMs > this.#world.loop.nowMs) this.#world.loop.at(this.frozenUntilMs, Kind.FLUSH, 1, goOn);
      else {
        this.#world.goesOn();
        this.core.goOn();
      }
    };
    this.#world.loop.in(0, Kind.FLUSH, 1, goOn);
  }

  #setAlarm(atMs: number): void {
    const mine = ++this.#alarm;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const { loop, random, faults, clock } = this.#world;
    const inMs = Math.min(MAX_TIMER_MS, Math.max(1, Math.ceil(atMs - this.nowMs)));
    let lateMs = 0;
    if (random.percent(clock.latePercent)) {
      faults.hit("late-alarm");
      lateMs = random.below(clock.maxLateMs + 1);
    }
    if (clock.tickMs > 0) faults.hit("coarse-clock");
    const ring = (): void => {
      if (mine !== this.#alarm || this.isDead) return;
      if (this.frozenUntilMs > loop.nowMs) loop.at(this.frozenUntilMs, Kind.ALARM, 0, ring);
      else this.core.alarm();
    };
    loop.in(inMs + lateMs, Kind.ALARM, 0, ring);
  }

  accept(connection: Connection): void {
    this.#accepting = connection;
    const { number } = this.core.connect(connection.transport, { uid: 1000, gid: 1000, pid: connection.id });
    connection.number = number;
    this.connections.set(number, connection);
    this.#accepting = undefined;
  }

  /** The connection by which the core knows `client`: one that it refuses at once has no number yet. */
  connectionOf(client: number): Connection | undefined {
    return this.connections.get(client) ?? this.#accepting;
  }

  /** What `RunningBroker.close` does, with its data directory and without. */
  close(graceMs: number, told: ClosingHooks): void {
    const { loop } = this.#world;
    this.isClosing = true;
    this.core.close();
    const endMs = loop.nowMs + graceMs;
    if (this.disk === undefined) this.#linger(endMs, told);
    else this.#letGo(endMs, told);
  }

  /** Lets go of the disk, as soon as nobody has anything to say that would have to be kept there. */
  #letGo(endMs: number, told: ClosingHooks): void {
    const { loop } = this.#world;
    const latestMs = Math.min(endMs, loop.nowMs + HAND_OVER_MS);
    let heard = -1;
    let quietSinceMs = 0;
    this.#lookUntil(
      () => {
        if (!needsDisk(this.core) || loop.nowMs >= latestMs) return true;
        const { bytesIn } = this.core.traffic();
        if (bytesIn !== heard || inFlightOnDisk(this.core) > 0) quietSinceMs = loop.nowMs;
        heard = bytesIn;
        return loop.nowMs - quietSinceMs >= QUIET_MS;
      },
      () => this.#closeDisk(told, () => this.#linger(endMs, told)),
    );
  }

  #closeDisk(told: ClosingHooks, then: () => void): void {
    told.dismissed();
    handOver(this.core, () => {
      told.released();
      then();
    });
  }

  #linger(endMs: number, told: ClosingHooks): void {
    const { loop } = this.#world;
    let idleSinceMs = Number.POSITIVE_INFINITY;
    this.#lookUntil(
      () => {
        if (this.core.peers.size === 0 || loop.nowMs >= endMs) return true;
        if (!this.core.isIdle) idleSinceMs = Number.POSITIVE_INFINITY;
        else if (idleSinceMs === Number.POSITIVE_INFINITY) idleSinceMs = loop.nowMs;
        return loop.nowMs - idleSinceMs >= LINGER_MS;
      },
      () => {
        this.core.destroy();
        this.isDead = true;
        told.ended();
      },
    );
  }

  /** Looks now and then whether `isDone`. */
  #lookUntil(isDone: () => boolean, then: () => void): void {
    const { loop } = this.#world;
    const look = (): void => {
      if (this.isDead) return;
      if (this.frozenUntilMs > loop.nowMs) loop.at(this.frozenUntilMs, Kind.BROKER, 0, look);
      else if (isDone()) then();
      else loop.in(CLOSING_MS, Kind.BROKER, 0, look);
    };
    loop.in(0, Kind.BROKER, 0, look);
  }

  /** Its process is killed. */
  die(): void {
    this.isDead = true;
    for (const connection of this.connections.values()) connection.brokerDied();
  }
}
