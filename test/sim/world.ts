// A run: brokers, clients, what happens to them, and who looks on. One seed makes all of it.

import type { Core } from "../../broker/core/core.ts";
import { DamagedStore } from "../../broker/core/recovery.ts";
import { type BrokerWorld, SimulatedBroker } from "./broker.ts";
import type { Client, ClientWorld } from "./clients/client.ts";
import { BusClient } from "./clients/bus.ts";
import { RawClient } from "./clients/raw.ts";
import { type ClientEnd, Connection, type Net } from "./connection.ts";
import { Disk, damaged, SOUND_DISK } from "./disk.ts";
import { FaultCounts } from "./faults.ts";
import { checkBooks, checkLimits, checkThoroughly, type Known } from "./invariants.ts";
import { Kind, Loop } from "./loop.ts";
import { Oracle, type Survived } from "./oracle/oracle.ts";
import type { QueueView } from "./oracle/queue.ts";
import { type Chaos, type ClientPlan, type RunPlan, Stream } from "./plan.ts";
import { Random } from "./random.ts";
import { checkStalled } from "./stalled.ts";
import { Trace, Violation } from "./trace.ts";
import { type Options } from "./wire.ts";

/** However long a flood is, a run ends. */
const MAX_EVENTS = 30_000;
const MAX_DRAIN_EVENTS = 300_000;
const LOOK_MS = 100;
/** How long what was begun may take to end, once nothing goes wrong any more. */
const DRAIN_MS = 300_000;
/** How much later than it should the broker may look for those who hang: alarms come late. */
const STALL_SLACK_MS = 1000;

interface Running {
  readonly broker: SimulatedBroker;
  readonly oracle: Oracle;
  readonly known: Known;
}

export class World implements ClientWorld {
  readonly loop: Loop = new Loop();
  readonly faults: FaultCounts = new FaultCounts();
  readonly trace: Trace;
  readonly plan: RunPlan;
  readonly clients: Client[] = [];
  readonly #random: Random;
  readonly #checks: Random;
  readonly #diskRandom: Random;
  readonly #chaos: Random;
  #running: Running[] = [];
  #current: Running | undefined;
  #wallOffsetMs = 0;
  /** Whether the clock on the wall jumped since the broker that runs was started. */
  #isWallSound = true;
  #isSound = false;
  #failure: Error | undefined;
  #uid = 0;
  #connections = 0;
  #isStarting = false;
  /** Brokers that were started, and queues of which of them got somebody to serve them. */
  #starts = 0;
  /** Events that carried parts of frames, and none to its end: large frames on narrow ways take many. */
  #parts = 0;
  readonly #served = new Set<string>();

  constructor(plan: RunPlan, isTraced: boolean) {
    this.plan = plan;
    this.trace = new Trace(isTraced);
    this.#random = new Random(plan.seed, Stream.WORLD);
    this.#checks = new Random(plan.seed, Stream.CHECKS);
    this.#diskRandom = new Random(plan.seed, Stream.DISK);
    this.#chaos = new Random(plan.seed, Stream.CHAOS);
    this.loop.before = (kind, of) => this.trace.add(kind, of, Math.round(this.loop.nowMs * 16) | 0);
    this.loop.after = () => this.#check();
    this.#start(new Map(), undefined);
    for (const client of plan.clients) this.add(client);
    for (const { ms, what, forMs } of plan.chaos.at) {
      this.loop.at(ms, Kind.BROKER, 0, () => this.#happen(what, forMs));
    }
  }

  add(plan: ClientPlan): Client {
    const random = new Random(this.plan.seed, Stream.CLIENTS + plan.index);
    const client = plan.kind === "bus" ? new BusClient(plan, this, random) : new RawClient(plan, this, random);
    this.clients.push(client);
    return client;
  }

  get core(): Core | undefined {
    return this.#current?.broker.core;
  }

  // ── What clients need ─────────────────────────────────────────────────────────────────────────────────────────────

  nextUid(): number {
    return ++this.#uid;
  }

  dial(net: Net, end: ClientEnd): Connection | undefined {
    const running = this.#current;
    if (running === undefined || running.broker.isDead || running.broker.isClosing) return undefined;
    const { broker, oracle } = running;
    const random = new Random(this.plan.seed, Stream.NETS + this.#connections);
    const world = { loop: this.loop, random, faults: this.faults, watcher: oracle };
    const connection = new Connection(this.#connections++, world, net, broker, end);
    connection.isCalm = this.#isSound;
    const accept = (): void => {
      if (broker.isDead) return connection.brokerDied();
      oracle.accepted(connection);
      broker.accept(connection);
    };
    if (broker.frozenUntilMs > this.loop.nowMs) this.loop.at(broker.frozenUntilMs, Kind.CONNECT, connection.id, accept);
    else accept();
    return connection;
  }

  // ── Brokers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws DamagedStore */
  #start(values: ReadonlyMap<string, Buffer>, survived: Survived | undefined): void {
    const { plan, loop, faults } = this;
    const running: { broker?: SimulatedBroker; oracle?: Oracle } = {};
    const world: BrokerWorld = {
      loop,
      faults,
      random: this.#random,
      clock: plan.clock,
      wallOffsetMs: 0,
      decided: (client, code) => {
        const connection = running.broker!.connectionOf(client);
        if (connection !== undefined) running.oracle!.decided(connection, code);
      },
      interrupted: () => running.oracle?.interrupted(),
      goesOn: () => running.oracle?.goesOn(),
    };
    Object.defineProperty(world, "wallOffsetMs", { get: () => this.#wallOffsetMs });
    const parts = { loop, faults, random: this.#diskRandom };
    const broker = new SimulatedBroker(world, plan.options, (peerage) =>
      plan.disk === undefined ? undefined : new Disk(values, parts, this.#isSound ? SOUND_DISK : plan.disk, peerage),
    );
    const { stallMs, headroom, handshakeMs, maxSubscriptions, maxRetained } = plan.options;
    const oracle = new Oracle(
      {
        faults,
        stallMs,
        headroom,
        handshakeMs,
        slackMs: plan.clock.tickMs + plan.clock.maxLateMs + 20 + (plan.chaos.at.length > 0 ? 6000 : 0),
        maxSubscriptions,
        maxRetained,
        hasDisk: plan.disk !== undefined,
        isShortOfMemory: plan.isShortOfMemory,
        say:
          this.trace.lines === undefined
            ? () => {}
            : (text) => this.trace.say(() => `${loop.events} ${loop.nowMs} ${text()}`),
        nowMs: () => broker.nowMs,
        events: () => loop.events,
        flushes: () => broker.flushes,
        isTurnOpen: () => broker.isFlushAsked,
        isClosing: () => broker.isClosing,
        queue: (name) => broker.core.queues.get(name),
      },
      survived,
      this.#isWallSound,
      plan.clock.tickMs + 1,
    );
    running.broker = broker;
    running.oracle = oracle;
    this.#current = { broker, oracle, known: knownOf(broker, oracle) };
    this.#running.push(this.#current);
    this.#starts++;
    oracle.started();
    this.#isWallSound = true;
    if (plan.isShortOfMemory) faults.hit("low-memory");
  }

  #happen(what: Chaos, forMs: number): void {
    const running = this.#current;
    this.trace.say(() => `${this.loop.nowMs} ${what} ${forMs}`);
    switch (what) {
      case "wall-forward":
      case "wall-back":
        this.faults.hit(what);
        this.#wallOffsetMs += (what === "wall-back" ? -1 : 1) * forMs * 60;
        this.#isWallSound = false;
        return;
      case "leap":
        this.faults.hit("time-leap");
        this.loop.nowMs += forMs * 3;
        return;
      default:
    }
    if (running === undefined || running.broker.isDead || running.broker.isClosing || this.#isStarting) return;
    const { broker } = running;
    switch (what) {
      case "freeze":
        this.faults.hit("frozen-broker");
        broker.frozenUntilMs = this.loop.nowMs + forMs;
        return;
      case "crash":
      case "damage":
        this.#crash(running, what === "damage", forMs);
        return;
      default:
        this.#end(running, what, forMs);
    }
  }

  #crash(running: Running, isDamaged: boolean, forMs: number): void {
    this.faults.hit("crash");
    const { broker, oracle } = running;
    oracle.crashed();
    const values = broker.disk?.die() ?? new Map<string, Buffer>();
    const survived = oracle.survived(false);
    broker.die();
    this.#startLater(running, values, survived, forMs, isDamaged);
  }

  #startLater(
    running: Running,
    values: ReadonlyMap<string, Buffer>,
    survived: Survived,
    forMs: number,
    isDamaged: boolean,
  ): void {
    this.#running = this.#running.filter((it) => it !== running);
    this.#current = undefined;
    this.#isStarting = true;
    this.loop.in(forMs, Kind.BROKER, 0, () => {
      this.#isStarting = false;
      if (isDamaged) this.#startDamaged(values);
      this.#start(values, survived);
    });
  }

  /** What is damaged is refused with a word, and never served. */
  #startDamaged(values: ReadonlyMap<string, Buffer>): void {
    const wrong = damaged(values, this.#chaos, this.faults);
    if (wrong === undefined) return;
    const isWallSound = this.#isWallSound;
    try {
      this.#start(wrong, undefined);
    } catch (error) {
      if (error instanceof DamagedStore) return;
      throw error;
    } finally {
      this.#isWallSound = isWallSound;
    }
    throw new Violation("a broker was started on a damaged disk, and did not refuse it");
  }

  /** The broker ends in order; the next one has its name at once, and its disk as soon as it lets go of that. */
  #end(running: Running, what: Chaos, forMs: number): void {
    const { broker, oracle } = running;
    const next = (values: ReadonlyMap<string, Buffer>, survived: Survived | undefined): void => {
      this.#isStarting = false;
      this.#start(values, survived);
    };
    this.faults.hit(what === "restart" ? "orderly-restart" : "hand-over");
    this.#current = undefined;
    this.#isStarting = true;
    broker.close(forMs * 3, {
      dismissed: () => oracle.dismissed(),
      released: () => {
        const { disk } = broker;
        if (disk === undefined || what === "restart") return;
        next(disk.values, oracle.survived(disk.isUpToDate));
      },
      ended: () => {
        this.#running = this.#running.filter((it) => it !== running);
        if (what !== "restart") return;
        const { disk } = broker;
        if (disk === undefined) next(new Map(), undefined);
        else next(disk.values, oracle.survived(disk.isUpToDate));
      },
    });
    if (broker.disk === undefined && what !== "restart") next(new Map(), undefined);
  }

  // ── Looking on ────────────────────────────────────────────────────────────────────────────────────────────────────

  fail(error: Error): void {
    this.#failure ??= error;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    for (const { broker, oracle, known } of this.#running) {
      const { core } = broker;
      if (oracle.hasPart && !oracle.hasFrame) this.#parts++;
      oracle.afterEvent();
      checkBooks(core);
      checkLimits(core, known);
      if (this.#checks.below(100) === 0) checkThoroughly(core);
    }
  }

  // ── A run ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  run(): void {
    while (this.loop.nextMs < this.plan.forMs && this.loop.events < MAX_EVENTS) this.loop.step();
    this.#isSound = true;
    for (const { broker } of this.#running) {
      broker.frozenUntilMs = 0;
      if (broker.disk !== undefined) broker.disk.plan = SOUND_DISK;
      for (const connection of broker.connections.values()) connection.isCalm = true;
    }
    for (const client of this.clients) client.finish();
    this.#drain();
  }

  #drain(): void {
    const beginMs = this.loop.nowMs;
    const wakeMs = beginMs + this.plan.options.stallMs * 6;
    let isAwake = false;
    let isDrained = false;
    while (this.loop.nowMs < beginMs + DRAIN_MS && !isDrained) {
      const untilMs = this.loop.nowMs + LOOK_MS;
      while (this.loop.nextMs <= untilMs) {
        this.loop.step();
        const events = this.loop.events - this.#parts;
        if (events > MAX_DRAIN_EVENTS) throw new Violation(`it does not come to rest: ${this.#unrest()}`);
      }
      this.loop.nowMs = Math.max(this.loop.nowMs, untilMs);
      this.#serveQueues();
      if (!isAwake) this.#checkStalled();
      if (!isAwake && this.loop.nowMs >= wakeMs) {
        for (const client of this.clients) client.wake();
        isAwake = true;
      }
      isDrained = this.#unrest() === undefined && (isAwake || this.loop.nowMs > beginMs + 2 * LOOK_MS);
    }
    const unrest = this.#unrest();
    const running = this.#current;
    if (running === undefined) throw new Violation("no broker runs at the end");
    running.oracle.checkDrained();
    for (const client of this.clients) client.check?.();
    if (unrest !== undefined) throw new Violation(`it does not come to rest: ${unrest}`);
    checkThoroughly(running.broker.core);
    this.#part(running.broker.core);
  }

  /** Whoever hangs is cut off in time, where others wait for it. */
  #checkStalled(): void {
    if (this.#current === undefined) return;
    const { broker, oracle } = this.#current;
    checkStalled(broker, oracle, this.plan.options.stallMs * 3 + STALL_SLACK_MS);
  }

  /** Queues that are kept, and that nobody serves, get somebody who does. */
  #serveQueues(): void {
    const oracle = this.#current?.oracle;
    if (oracle === undefined || this.#isStarting) return;
    for (const queue of oracle.queues.values()) {
      const key = `${queue.name} of ${this.#starts}`;
      if (this.#served.has(key) || queue.hasLiveMember) continue;
      this.#served.add(key);
      const plan = drainerOf(queue, this.clients.length);
      const client = this.add(plan);
      client.finish();
    }
  }

  /** What is not done yet, in words. */
  #unrest(): string | undefined {
    const running = this.#current;
    if (running === undefined || this.#running.length > 1) return "a broker is ending, or not there yet";
    const { core } = running.broker;
    const busy = this.clients.findIndex((client) => !client.isDone);
    if (busy >= 0) return `client ${busy} is not done: ${this.clients[busy]!.waitsFor ?? ""}`;
    const { waiting, inFlight } = core.counters();
    if (waiting > 0 || inFlight > 0) return `${waiting} wait, ${inFlight} are in flight`;
    if (core.requests.pending > 0) return `${core.requests.pending} requests are pending`;
    if (!core.durability.isClean) return "the disk is not up to date";
    if (core.flow.blockedPublishers > 0) return `${core.flow.blockedPublishers} publishers wait`;
    for (const connection of running.broker.connections.values()) {
      if (connection.isBrokerClosed || connection.isClientClosed) continue;
      const left = connection.toBroker.heldBytes + connection.toClient.heldBytes + connection.toBroker.untakenBytes;
      if (left > 0) return `client ${connection.id} has ${left} bytes on their way`;
    }
    return undefined;
  }

  /** All go; then nothing is left but what is to be kept. */
  #part(core: Core): void {
    for (const client of this.clients) client.leave();
    const untilMs = this.loop.nowMs + 10_000;
    while (this.loop.nextMs <= untilMs && core.peers.size > 0) this.loop.step();
    // A client that closes waits for the end of its stream, for a second at the most.
    const goneMs = this.loop.nowMs + 1500;
    while (this.loop.nextMs <= goneMs) this.loop.step();
    const left = [
      ["connections", core.peers.size],
      ["subscriptions", core.subscriptions],
      ["requests", core.requests.pending],
      ["clients", core.openClients],
      ["publishers that wait", core.flow.blockedPublishers],
    ] as const;
    for (const [what, count] of left) {
      if (count !== 0) throw new Violation(`everybody is gone, and ${count} ${what} are left`);
    }
    for (const client of this.clients) client.checkSettled?.();
    checkThoroughly(core);
    let kept = 0;
    for (const chunk of core.retained.chunks()) kept += chunk.buf.length;
    for (const queue of core.queues.values()) kept += queue.heldBytes;
    if (core.chunks.heldBytes !== kept) {
      throw new Violation(
        `everybody is gone, and ${core.chunks.heldBytes} bytes are held, ${kept} of them for what is kept`,
      );
    }
  }
}

/** What the oracle knows of a broker, for the limits of that. */
function knownOf(broker: SimulatedBroker, oracle: Oracle): Known {
  return {
    hasReturned: (name) => oracle.queues.get(name)?.mayHaveReturned ?? true,
    limitsOf: (client, sid) => {
      const connection = broker.connections.get(client);
      return connection === undefined ? undefined : oracle.limitsOf(connection, sid);
    },
    get largestBytes() {
      return oracle.largestBytes;
    },
  };
}

/** One who empties a queue that nobody serves. */
function drainerOf(queue: QueueView, index: number): ClientPlan {
  const { ack, keep, durable } = queue.options;
  const options: Options = {
    queue: queue.name,
    ack: ack ? true : undefined,
    keep: keep && !durable ? true : undefined,
    durable: durable ? true : undefined,
  };
  return {
    index,
    kind: "raw",
    net: {
      toBrokerCapacity: 65_536,
      toClientCapacity: 65_536,
      splitPercent: 0,
      delayPercent: 0,
      maxDelayMs: 0,
      isByteByByte: false,
    },
    steps: 0,
    pauseMs: 1,
    publishes: undefined,
    subs: [{ pattern: queue.pattern, options }],
    works: { nackPercent: 0, rejectPercent: 0, workingPercent: 0, forgetPercent: 0, batch: 1 },
    responds: [],
    calls: undefined,
    hostile: undefined,
    stallPercent: 0,
    holdPercent: 0,
    vanishPercent: 0,
    resubPercent: 0,
    byePercent: 0,
    hangs: false,
  };
}
