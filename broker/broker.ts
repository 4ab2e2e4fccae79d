// The broker as a process has it: the core, wired to a listener, sockets, the clock and the log. What it does with messages is in
// core/; this is where the world begins.

import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { parseAddress } from "../shared/address.ts";
import { defaultMemoryLimit } from "../shared/default-memory-limit.ts";
import { PodbusError } from "../shared/errors.ts";
import { containerOf } from "../shared/os/container.ts";
import { MAX_TIMER_MS } from "../shared/max-timer.ts";
import { listen, type Listening } from "../shared/os/listen.ts";
import { containerMemoryLimit } from "../shared/os/memory-limit.ts";
import { VERSION } from "../shared/version.ts";
import { Core } from "./core/core.ts";
import { handOver, inFlightOnDisk, needsDisk } from "./core/hand-over.ts";
import { DamagedStore } from "./core/recovery.ts";
import type { Stats } from "./core/sys/stats.ts";
import type { LmdbStore } from "./lmdb-store.ts";
import { needCredentials } from "./credentials.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { Door } from "./door.ts";
import { type BrokerOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { type Policy, readPolicy } from "./policy.ts";

/** How often the container's memory limit is read anew. */
const FOLLOW_MS = 5000;
/** How often the address is tried while another broker has it. */
const WAIT_MS = 25;
/** How often a closing broker looks whether it is done. */
const CLOSING_MS = 20;
/** How long a closing broker keeps its data directory at the most: for clients that settle and confirm what they have. */
const HAND_OVER_MS = 1000;
/** How long nothing must come for clients to be taken to have nothing to say. */
const QUIET_MS = 100;
/** How long a closing broker stays when nothing waits any more: for what clients still have to say. */
const LINGER_MS = 1000;

/** A broker that is not listening yet. */
export interface Broker {
  /**
   * Reads secrets and rules, and takes the address.
   * @throws PodbusError `address_in_use` where another broker has it, `bad_address` where it can't be, `bad_option` for secrets and
   * rules that can't be, `unavailable` where the system does not tell who connects and `allow` is not `any`, `aborted`.
   */
  listen(options?: { signal?: AbortSignal }): Promise<ListeningBroker>;
}

export interface ListeningBroker extends AsyncDisposable {
  /** Where it listens; what the kernel picked, where the option was `@`. */
  readonly address: string;
  /** Resolves once it has ended. */
  readonly closed: Promise<void>;
  /** The numbers of `$sys.stats`. */
  stats(): Stats;
  /**
   * Reads secrets and rules anew. They count at once, for those who are connected, too: subscriptions that are no longer permitted
   * end, and connections whose secret is gone are closed.
   * @throws PodbusError `bad_option` where one of them can't be read: then all stays as it was.
   */
  reload(): Promise<void>;
  /**
   * Frees the address, says BYE to every client, delivers what is queued, and ends: when every client is gone, when nothing
   * has been waiting or in flight for a second, or after `graceMs`.
   */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** @throws PodbusError `bad_option` for an option that can't be. */
export function createBroker(options: BrokerOptions = {}): Broker {
  const resolved = resolveOptions(options);
  const address = parseAddress(resolved.address, { autobind: true });
  return {
    async listen({ signal } = {}) {
      const untilFree = async <T>(take: () => Promise<T>): Promise<T> => {
        for (;;) {
          if (signal?.aborted === true) throw aborted(signal);
          try {
            return await take();
          } catch (error) {
            if (!resolved.wait || !(error instanceof PodbusError) || error.code !== "address_in_use") throw error;
          }
          await sleep(WAIT_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {}); // then it was aborted
        }
      };
      needCredentials(resolved.allow);
      const policy = await readPolicy(resolved);
      // The name last: whoever connects finds a broker that has all it needs, and serves. All take both in this order, so that no two
      // that wait can have what the other wants.
      const store = resolved.data === undefined ? undefined : await untilFree(() => openStore(resolved.data!));
      const broker = await recovered(resolved, policy, address.text, store);
      try {
        broker.listen(await untilFree(() => listen(address)));
        if (resolved.wait) await broker.reload(); // it may have been a long time
        return broker;
      } catch (error) {
        await broker.abandon();
        throw error;
      }
    },
  };
}

function aborted(signal: AbortSignal): PodbusError {
  return new PodbusError("aborted", "listen() was aborted", { cause: signal.reason });
}

/** A broker with what is in `store`, which is closed where that can't be. */
async function recovered(
  options: ResolvedOptions,
  policy: Policy,
  address: string,
  store: LmdbStore | undefined,
): Promise<RunningBroker> {
  try {
    return new RunningBroker(options, policy, address, store);
  } catch (error) {
    await store?.close();
    throw explained(error, options.data);
  }
}

/** What is damaged is told with its directory, whether opening it or reading it found that. */
function explained(error: unknown, directory: string | undefined): unknown {
  if (!(error instanceof DamagedStore)) return error;
  const message = `the data directory ${directory} is damaged: ${error.message}; restore it, or give another`;
  return new PodbusError("unavailable", message, { cause: error });
}

/** lmdb is loaded where there is a data directory only. */
async function openStore(directory: string): Promise<LmdbStore> {
  const { LmdbStore } = await import("./lmdb-store.ts");
  try {
    return await LmdbStore.open(directory);
  } catch (error) {
    throw explained(error, directory);
  }
}

class RunningBroker implements ListeningBroker {
  readonly closed: Promise<void>;
  readonly #core: Core;
  readonly #options: ResolvedOptions;
  #listening: Listening | undefined;
  #store: LmdbStore | undefined;
  readonly #door: Door;
  #timer: NodeJS.Timeout | undefined;
  #follower: NodeJS.Timeout | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  /** Whether it was told, while closing, to wait for nothing. */
  #isHurried = false;
  #resolveClosed: () => void = () => {};

  /** @throws DamagedStore */
  constructor(options: ResolvedOptions, policy: Policy, address: string, store: LmdbStore | undefined) {
    this.#store = store;
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    const { logger } = options;
    this.#core = new Core(
      {
        ...options,
        rules: policy.rules,
        secrets: policy.secrets,
        memoryLimit: options.memoryLimit ?? defaultMemoryLimit(containerMemoryLimit()),
        address,
        version: VERSION,
        pid: process.pid,
        brokerId: randomBytes(8).toString("hex"),
      },
      {
        now: () => performance.now(),
        wallNow: () => Date.now(),
        random: randomBytes,
        scheduleFlush: () => setImmediate(() => this.#core.flush()),
        nextTurn: () => setImmediate(() => this.#core.goOn()),
        setAlarm: (atMs) => this.#setAlarm(atMs),
        collect: collectGarbage,
        containerOf,
        neverOpened: (credentials) => this.#door.neverOpened(credentials),
        log: (level, fields, message) => logger?.[level](fields, message),
      },
      store,
    );
    this.#door = new Door(this.#core, options);
    // Kubernetes can change a container's limit while it runs.
    if (options.memoryLimit === undefined) {
      this.#follower = setInterval(() => this.#core.limitMemory(defaultMemoryLimit(containerMemoryLimit())), FOLLOW_MS);
      this.#follower.unref();
    }
    this.#warn(policy);
  }

  /** Serves whoever connects from now on. In the turn in which `listening` came. */
  listen(listening: Listening): this {
    this.#listening = listening;
    this.#core.address = listening.address;
    if (this.#options.allow === "any" && this.#core.secrets === undefined) {
      this.#options.logger?.warn(
        { address: this.address },
        "everybody who reaches the socket may connect: any is allowed, and no secret is asked",
      );
    }
    this.#door.open(listening);
    return this;
  }

  /** It is not going to listen. */
  async abandon(): Promise<void> {
    this.#listening?.close();
    await this.#end();
  }

  get address(): string {
    return this.#core.address;
  }

  stats(): Stats {
    return this.#core.stats();
  }

  reload(): Promise<void> {
    // One after the other, so that what was read last counts.
    const done = this.#reloading.then(() => this.#reload());
    this.#reloading = done.catch(() => {});
    return done;
  }

  async #reload(): Promise<void> {
    const policy = await readPolicy(this.#options);
    if (policy.secrets !== undefined) this.#core.replaceSecrets(policy.secrets);
    if (policy.rules !== undefined) this.#core.replaceRules(policy.rules);
    this.#warn(policy);
  }

  close({ graceMs = this.#options.graceMs }: { graceMs?: number } = {}): Promise<void> {
    if (this.#closing === undefined) this.#closing = this.#close(graceMs);
    else if (graceMs === 0) this.#hurry();
    return this.#closing;
  }

  #hurry(): void {
    this.#isHurried = true;
    this.#core.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ graceMs: 0 });
  }

  async #close(graceMs: number): Promise<void> {
    this.#listening?.close();
    this.#door.close();
    const core = this.#core;
    core.close();
    const endMs = performance.now() + graceMs;
    await this.#handOver(Math.min(endMs, performance.now() + HAND_OVER_MS));
    let idleSinceMs = Number.POSITIVE_INFINITY;
    while (core.peers.size > 0 && performance.now() < endMs && !this.#isHurried) {
      if (!core.isIdle) idleSinceMs = Number.POSITIVE_INFINITY;
      else if (idleSinceMs === Number.POSITIVE_INFINITY) idleSinceMs = performance.now();
      if (performance.now() - idleSinceMs >= LINGER_MS) break;
      await sleep(CLOSING_MS);
    }
    await this.#end();
  }

  /** Lets go of the data directory, as soon as nobody has anything to say that would have to be kept there. */
  async #handOver(endMs: number): Promise<void> {
    const core = this.#core;
    if (this.#store === undefined) return;
    let heard = -1;
    let quietSinceMs = 0;
    while (needsDisk(core) && performance.now() < endMs && !this.#isHurried) {
      // A client that does not know what BYE means is done when it says nothing.
      const { bytesIn } = core.traffic();
      if (bytesIn !== heard || inFlightOnDisk(core) > 0) quietSinceMs = performance.now();
      heard = bytesIn;
      if (performance.now() - quietSinceMs >= QUIET_MS) break;
      await sleep(CLOSING_MS);
    }
    await this.#closeStore();
    this.#options.logger?.info({}, "the data directory is free for the next broker");
  }

  async #closeStore(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    if (store === undefined) return;
    await new Promise<void>((resolve) => handOver(this.#core, resolve));
    await store.close();
  }

  async #end(): Promise<void> {
    this.#core.destroy();
    await this.#closeStore();
    clearTimeout(this.#timer);
    clearInterval(this.#follower);
    this.#resolveClosed();
  }

  #warn({ warnings }: Policy): void {
    for (const warning of warnings) this.#options.logger?.warn({}, warning);
  }

  #setAlarm(atMs: number): void {
    clearTimeout(this.#timer);
    if (atMs === Number.POSITIVE_INFINITY) return;
    const inMs = Math.min(MAX_TIMER_MS, Math.max(1, Math.ceil(atMs - performance.now())));
    this.#timer = setTimeout(() => this.#core.alarm(), inMs);
  }
}
