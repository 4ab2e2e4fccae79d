// What a seed makes: which clients there are and what they are like, the broker's limits, and what goes wrong. All of it is drawn
// before anything runs, a stream for each part, so that a part can be left out and the rest stays as it was.

import type { CoreOptions } from "../../broker/core/options.ts";
import type { ClockPlan } from "./broker.ts";
import type { Net } from "./connection.ts";
import { type DiskPlan, SOUND_DISK } from "./disk.ts";
import { Random } from "./random.ts";
import type { Options } from "./wire.ts";

export interface SubPlan {
  readonly pattern: string;
  readonly options: Options;
}

export interface PublishPlan {
  readonly topics: readonly string[];
  /** Whether it stops at XOFF. */
  readonly obeys: boolean;
  readonly burst: number;
  readonly bytes: number;
  readonly form: number;
  readonly ids: boolean;
  readonly keys: number;
  readonly ttlPercent: number;
  readonly delayPercent: number;
  readonly syncPercent: number;
  readonly retainPercent: number;
  readonly duplicatePercent: number;
  readonly badPercent: number;
}

/** What a worker does with what it gets, out of a hundred. */
interface WorkPlan {
  readonly nackPercent: number;
  readonly rejectPercent: number;
  readonly workingPercent: number;
  readonly forgetPercent: number;
  /** Settles that many at a time. */
  readonly batch: number;
}

export interface RespondPlan {
  readonly pattern: string;
  readonly morePercent: number;
  readonly silentPercent: number;
  readonly errorPercent: number;
}

export interface CallPlan {
  readonly topics: readonly string[];
  readonly burst: number;
  readonly timeoutMs: number;
  readonly cancelPercent: number;
  /** Whether it asks the broker about its queues, and changes them. */
  readonly queues: readonly string[];
}

export type Hostility = "garbage" | "bad-frame" | "half-frame" | "no-hello" | "bad-hello" | "bad-options" | "topics";

export interface ClientPlan {
  readonly index: number;
  readonly kind: "raw" | "bus";
  readonly net: Net;
  readonly steps: number;
  readonly pauseMs: number;
  readonly publishes: PublishPlan | undefined;
  readonly subs: readonly SubPlan[];
  readonly works: WorkPlan;
  readonly responds: readonly RespondPlan[];
  readonly calls: CallPlan | undefined;
  readonly hostile: Hostility | undefined;
  /** Out of a hundred steps. */
  readonly stallPercent: number;
  readonly holdPercent: number;
  readonly vanishPercent: number;
  readonly resubPercent: number;
  readonly byePercent: number;
  /** Once it has stalled, it does not come to itself. */
  readonly hangs: boolean;
}

interface ChaosPlan {
  readonly at: readonly { readonly ms: number; readonly what: Chaos; readonly forMs: number }[];
}

export type Chaos = "crash" | "damage" | "hand-over" | "restart" | "freeze" | "leap" | "wall-forward" | "wall-back";

export interface RunPlan {
  readonly seed: number;
  readonly options: CoreOptions;
  readonly clock: ClockPlan;
  readonly disk: DiskPlan | undefined;
  readonly clients: readonly ClientPlan[];
  readonly chaos: ChaosPlan;
  readonly isShortOfMemory: boolean;
  readonly forMs: number;
}

/** Streams of chance. Those of clients come behind. */
export const Stream = { PLAN: 1, WORLD: 2, DISK: 3, CHAOS: 4, CHECKS: 5, CLIENTS: 100, NETS: 10_000 } as const;

/** Parts of a run that can be left out, to find out whether they matter. */
export interface Without {
  readonly clients?: readonly number[] | undefined;
  readonly steps?: number | undefined;
  readonly disk?: boolean | undefined;
  readonly clock?: boolean | undefined;
  readonly chaos?: number | undefined;
  readonly net?: boolean | undefined;
}

const QUIET_NET: Net = {
  toBrokerCapacity: 208 * 1024,
  toClientCapacity: 208 * 1024,
  splitPercent: 0,
  delayPercent: 0,
  maxDelayMs: 0,
  isByteByByte: false,
};
const QUIET_CLOCK: ClockPlan = { tickMs: 0, latePercent: 0, maxLateMs: 0 };

export function planOf(seed: number, without: Without = {}): RunPlan {
  const random = new Random(seed, Stream.PLAN);
  const isShortOfMemory = random.percent(3);
  const limits = coreOptions(random, isShortOfMemory);
  const clock = random.percent(70)
    ? QUIET_CLOCK
    : {
        tickMs: random.pick([0, 0, 4, 16]),
        latePercent: random.pick([0, 20, 60]),
        maxLateMs: random.pick([5, 50, 400]),
      };
  const theme = new Theme(random, limits.maxFrame);
  const clients = theme.clients();
  // Room for all and a few more: connections that have just ended count as well.
  const options = random.percent(5) ? { ...limits, maxConnections: clients.length + 2 } : limits;
  const disk = theme.isDurable ? diskPlan(random) : undefined;
  const forMs = random.pick([600, 1500, 4000]);
  const chaos = chaosPlan(random, forMs, theme.isDurable);
  return {
    seed,
    options,
    isShortOfMemory,
    forMs,
    clock: without.clock === true ? QUIET_CLOCK : clock,
    disk: disk !== undefined && without.disk === true ? SOUND_DISK : disk,
    chaos: { at: chaos.at.slice(0, without.chaos ?? chaos.at.length) },
    clients: clients
      .filter(({ index }) => without.clients === undefined || without.clients.includes(index))
      .map((it) => lessOf(it, without)),
  };
}

function lessOf(client: ClientPlan, { steps, net }: Without): ClientPlan {
  return {
    ...client,
    steps: Math.min(client.steps, steps ?? client.steps),
    net: net === true ? QUIET_NET : client.net,
  };
}

function coreOptions(random: Random, isShortOfMemory: boolean): CoreOptions {
  return {
    address: "@simulated",
    version: "0.0.0",
    pid: 0,
    brokerId: "simulated",
    maxFrame: random.pick([2048, 16 * 1024, 256 * 1024]),
    maxConnections: 1000,
    maxSubscriptions: random.percent(5) ? 2 : 1000,
    maxRetained: random.pick([2, 5, 1000]),
    maxQueues: 1000,
    maxRequests: 1_000_000,
    allow: "any",
    rules: undefined,
    secrets: undefined,
    handshakeMs: random.pick([200, 1000]),
    heartbeatMs: random.pick([500, 3000]),
    stallMs: random.pick([800, 2000, 5000]),
    headroom: random.pick([512, 4096, 64 * 1024]),
    memoryLimit: isShortOfMemory ? random.pick([300, 700]) * 1024 : 256 * 1024 * 1024,
  };
}

function diskPlan(random: Random): DiskPlan {
  if (random.percent(40)) return { ...SOUND_DISK, slowPercent: random.pick([0, 10]), maxSlowMs: 100 };
  return {
    noSpacePercent: random.pick([0, 10, 40]),
    commitErrorPercent: random.pick([0, 10, 30]),
    flushErrorPercent: random.pick([0, 10, 30]),
    slowPercent: random.pick([0, 20, 60]),
    maxSlowMs: random.pick([20, 300]),
  };
}

function chaosPlan(random: Random, forMs: number, isDurable: boolean): ChaosPlan {
  const at: { ms: number; what: Chaos; forMs: number }[] = [];
  const kinds: Chaos[] = ["crash", "freeze", "freeze", "leap", "hand-over", "restart", "wall-forward", "wall-back"];
  if (isDurable) kinds.push("crash", "crash", "damage");
  const count = random.percent(isDurable ? 70 : 35) ? random.between(1, 4) : 0;
  for (let i = 0; i < count; i++) {
    at.push({ ms: random.below(forMs), what: random.pick(kinds), forMs: random.pick([5, 100, 700]) });
  }
  return { at: at.sort((a, b) => a.ms - b.ms) };
}

function netOf(random: Random): Net {
  if (random.percent(25)) return QUIET_NET;
  const isByteByByte = random.percent(4);
  return {
    toBrokerCapacity: random.pick([200, 2000, 64 * 1024, 208 * 1024]),
    toClientCapacity: random.pick([100, 600, 4000, 64 * 1024, 208 * 1024]),
    splitPercent: random.pick([0, 20, 70]),
    delayPercent: isByteByByte ? 0 : random.pick([0, 10, 50]),
    maxDelayMs: random.pick([2, 30, 200]),
    isByteByByte,
  };
}

/** What a run is about, so that its clients have to do with each other: topics, queues, and who wants what of them. */
class Theme {
  readonly #random: Random;
  readonly isDurable: boolean;
  readonly #topics: readonly string[];
  readonly #queues: SubPlan[] = [];
  readonly #wants: { plain: boolean; queues: boolean; calls: boolean; hostile: boolean; bus: boolean };
  readonly #hasTimes: boolean;
  readonly #bytes: number;

  readonly #maxBytes: number;

  constructor(random: Random, maxFrame: number) {
    this.#random = random;
    this.#maxBytes = maxFrame - 400;
    const kind = random.below(10);
    this.#wants = {
      plain: kind < 3 || kind === 9,
      queues: (kind >= 2 && kind < 7) || kind === 9,
      calls: kind === 7 || kind === 9,
      hostile: kind === 8 || random.percent(15),
      bus: random.percent(30),
    };
    this.isDurable = this.#wants.queues && random.percent(40);
    this.#topics = ["a.x", "a.y", "a.z", "b.x", "b.y", "c"].slice(0, random.between(1, 6));
    this.#hasTimes = random.percent(25);
    this.#bytes = random.pick([8, 8, 40, 300, 1500]);
    if (this.#wants.queues) for (let i = random.between(1, 2); i > 0; i--) this.#queues.push(this.#queue(`q${i}`));
  }

  #queue(name: string): SubPlan {
    const random = this.#random;
    const isAcked = random.percent(75);
    const isDurable = this.isDurable && random.percent(80);
    const partitionBy = random.percent(20) ? random.pick<"key" | number>(["key", 2]) : undefined;
    const overflow = random.pick(["block", "block", "block", "block", "drop-oldest", "drop-newest", "latest"]);
    const options: Options = {
      queue: name,
      ack: isAcked ? true : undefined,
      keep: !isDurable && random.percent(40) ? true : undefined,
      durable: isDurable ? true : undefined,
      overflow: overflow === "block" ? undefined : overflow,
      partitionBy: partitionBy,
      maxMessages: random.pick([1, 2, 3, 8, 30, undefined]),
      maxBytes: random.percent(20) ? random.pick([100, 600, 2000]) : undefined,
      ackTimeoutMs: random.pick([0, 50, 300, 2000, undefined]),
      maxAttempts: random.pick([0, 1, 2, 3, undefined]),
      deadLetter: isAcked && random.percent(60) ? `dead.${name}` : undefined,
      dedupeMs: random.pick([undefined, undefined, 0, 500, 100_000]),
    };
    return { pattern: random.pick(["a.*", "a.x", ">", "*.x", "b.>"]).replace(/^>$/, "a.>"), options };
  }

  clients(): ClientPlan[] {
    const random = this.#random;
    const plans: ClientPlan[] = [];
    const add = (some: Partial<ClientPlan>): void => {
      const index = plans.length;
      const net = netOf(new Random(random.next(), Stream.NETS));
      plans.push({ ...this.#client(index, net), ...some });
    };
    const { plain, queues, calls, hostile, bus } = this.#wants;
    for (let i = random.between(1, 2); i > 0; i--) add({ publishes: this.#publishes(), ...this.#kind(bus) });
    if (plain) for (let i = random.between(1, 3); i > 0; i--) add({ subs: this.#plainSubs(), ...this.#kind(bus) });
    if (queues) {
      for (let i = random.between(1, 3); i > 0; i--) {
        add({ subs: this.#queues.map((it) => this.#member(it)), works: this.#works(), ...this.#kind(bus) });
      }
      if (random.percent(60)) {
        add({
          subs: [{ pattern: "dead.*", options: {} }],
          stallPercent: 0,
          holdPercent: 0,
          resubPercent: 0,
          hangs: false,
        });
      }
      if (random.percent(15)) {
        const queue = random.pick(this.#queues).options["queue"] as string;
        const isDurable = this.#queues.some((it) => it.options["durable"] === true);
        add({ calls: { ...this.#calls(), topics: [], queues: isDurable ? [] : [queue] } });
      }
    }
    if (calls) {
      for (let i = random.between(1, 2); i > 0; i--) add({ responds: this.#responds(), ...this.#kind(bus) });
      for (let i = random.between(1, 2); i > 0; i--) add({ calls: this.#calls(), ...this.#kind(bus) });
    }
    if (random.percent(25)) {
      // One that publishes into what it empties itself.
      const subs = plain ? this.#plainSubs() : this.#queues.map((it) => this.#member(it));
      add({ publishes: this.#publishes(), subs, works: this.#works() });
    }
    if (hostile) for (let i = random.between(1, 3); i > 0; i--) add(this.#hostile());
    return plans;
  }

  #client(index: number, net: Net): ClientPlan {
    const random = this.#random;
    const isCalm = random.percent(40);
    return {
      index,
      kind: "raw",
      net,
      steps: random.pick([10, 25, 60]),
      pauseMs: random.pick([2, 10, 40]),
      publishes: undefined,
      subs: [],
      works: this.#works(),
      responds: [],
      calls: undefined,
      hostile: undefined,
      stallPercent: isCalm ? 0 : random.pick([0, 5, 20]),
      holdPercent: isCalm ? 0 : random.pick([0, 5, 20]),
      vanishPercent: isCalm ? 0 : random.pick([0, 3, 12]),
      resubPercent: isCalm ? 0 : random.pick([0, 5]),
      byePercent: isCalm ? 0 : random.pick([0, 0, 3]),
      hangs: !isCalm && random.percent(15),
    };
  }

  #kind(mayBeBus: boolean): Partial<ClientPlan> {
    return mayBeBus && this.#random.percent(60) ? { kind: "bus" } : {};
  }

  #publishes(): PublishPlan {
    const random = this.#random;
    return {
      topics: this.#topics,
      obeys: random.percent(65),
      burst: random.pick([1, 3, 10, 40]),
      bytes: Math.min(this.#maxBytes, random.percent(4) ? random.pick([70_000, 10_000]) : this.#bytes),
      form: random.below(4),
      ids: random.percent(30),
      keys: random.pick([0, 1, 3]),
      ttlPercent: this.#hasTimes ? random.pick([0, 20]) : 0,
      delayPercent: this.#hasTimes ? random.pick([0, 20]) : 0,
      syncPercent: random.pick([5, 20, 60]),
      retainPercent: random.pick([0, 0, 10, 50]),
      duplicatePercent: random.pick([0, 15]),
      badPercent: random.pick([0, 0, 3]),
    };
  }

  #plainSubs(): SubPlan[] {
    const random = this.#random;
    const subs: SubPlan[] = [];
    for (let i = random.between(1, 3); i > 0; i--) {
      subs.push({
        pattern: random.pick(["a.*", "a.x", ">", "*.x", "b.>", "*", "a.>", "$sys.events.>"]),
        options: {
          overflow: random.pick([undefined, "block", "block", "drop-oldest", "drop-newest", "latest", "disconnect"]),
          maxMessages: random.pick([1, 2, 4, 16, 100, undefined]),
          maxBytes: random.percent(20) ? random.pick([100, 600, 2000]) : undefined,
          retained: random.pick([undefined, undefined, true, false]),
        },
      });
    }
    return subs;
  }

  #member({ pattern, options }: SubPlan): SubPlan {
    const random = this.#random;
    const isAcked = options["ack"] === true;
    return {
      pattern,
      options: isAcked
        ? { ...options, prefetch: random.pick([1, 2, 10, undefined]), concurrency: random.pick([1, 2, 5, undefined]) }
        : options,
    };
  }

  #works(): WorkPlan {
    const random = this.#random;
    return {
      nackPercent: random.pick([0, 10, 40]),
      rejectPercent: random.pick([0, 0, 10]),
      workingPercent: random.pick([0, 10]),
      forgetPercent: random.pick([0, 0, 10, 50]),
      batch: random.pick([1, 4, 100]),
    };
  }

  #responds(): RespondPlan[] {
    const random = this.#random;
    const one = (pattern: string): RespondPlan => ({
      pattern,
      morePercent: random.pick([0, 30]),
      silentPercent: random.pick([0, 10, 60]),
      errorPercent: random.pick([0, 10]),
    });
    return random.percent(30) ? [one("r.a"), one("r.*")] : [one(random.pick(["r.*", "r.a", "r.>"]))];
  }

  #calls(): CallPlan {
    const random = this.#random;
    return {
      topics: ["r.a", "r.b", "r.a", "$sys.stats", "$sys.wait"].slice(0, random.between(1, 5)),
      burst: random.percent(2) ? 1100 : random.pick([1, 3, 20]),
      timeoutMs: random.pick([0, 20, 200, 2000]),
      cancelPercent: random.pick([0, 15]),
      queues: [],
    };
  }

  #hostile(): Partial<ClientPlan> {
    const random = this.#random;
    const hostile = random.pick<Hostility>([
      "garbage",
      "bad-frame",
      "bad-frame",
      "bad-frame",
      "half-frame",
      "no-hello",
      "bad-hello",
      "bad-options",
      "topics",
    ]);
    return {
      hostile,
      publishes: random.percent(50) ? this.#publishes() : undefined,
      steps: 10,
      stallPercent: 0,
      hangs: false,
    };
  }
}
