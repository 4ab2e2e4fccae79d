// The broker as a process has it: the core, wired to a listener, sockets, the clock and the log. What it does with messages is in
// core/; this is where the world begins.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { parseAddress } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import { peerCredentials } from "../shared/os/credentials.ts";
import { listen, type Listening } from "../shared/os/listen.ts";
import { VERSION } from "../shared/version.ts";
import { Core } from "./core/core.ts";
import type { PeerCredentials } from "./core/peer.ts";
import { DamagedStore } from "./core/recovery.ts";
import type { Stats } from "./core/sys/stats.ts";
import type { LmdbStore } from "./lmdb-store.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { defaultMemoryLimit } from "./memory-limit.ts";
import { type BrokerOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { SocketTransport } from "./socket-transport.ts";

/** How often the container's memory limit is read anew. */
const FOLLOW_MS = 5000;
/** How often the address is tried while another broker has it. */
const WAIT_MS = 25;
/** How often a closing broker looks whether it is done. */
const CLOSING_MS = 20;
/** How long a closing broker stays when nothing waits any more: for what clients still have to say. */
const LINGER_MS = 1000;
/** The longest time that a timer can be set to. */
const MAX_TIMER_MS = 0x7fff_ffff;
/** What is shown of a peer where the system does not tell. */
const UNKNOWN: PeerCredentials = { uid: 65534, gid: 65534, pid: 0 };

/** A broker that is not listening yet. */
export interface Broker {
  /**
   * Takes the address.
   * @throws PodbusError `address_in_use` where another broker has it, `bad_address` where it can't be.
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
          signal?.throwIfAborted();
          try {
            return await take();
          } catch (error) {
            if (!resolved.wait || !(error instanceof PodbusError) || error.code !== "address_in_use") throw error;
          }
          await sleep(WAIT_MS, undefined, signal === undefined ? {} : { signal });
        }
      };
      // The name first: who has it is the one that clients find.
      const listening = await untilFree(() => listen(address));
      let store: LmdbStore | undefined;
      try {
        if (resolved.data !== undefined) store = await untilFree(() => openStore(resolved.data!));
        return new RunningBroker(resolved, listening, store);
      } catch (error) {
        listening.close();
        await store?.close();
        if (!(error instanceof DamagedStore)) throw error;
        const message = `the data directory ${resolved.data} is damaged: ${error.message}; restore it, or give another`;
        throw new PodbusError("unavailable", message, { cause: error });
      }
    },
  };
}

/** lmdb is loaded where there is a data directory only. */
async function openStore(directory: string): Promise<LmdbStore> {
  const { LmdbStore } = await import("./lmdb-store.ts");
  return LmdbStore.open(directory);
}

class RunningBroker implements ListeningBroker {
  readonly address: string;
  readonly closed: Promise<void>;
  readonly #listening: Listening;
  readonly #core: Core;
  readonly #graceMs: number;
  readonly #store: LmdbStore | undefined;
  #timer: NodeJS.Timeout | undefined;
  #follower: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  constructor(options: ResolvedOptions, listening: Listening, store: LmdbStore | undefined) {
    this.#store = store;
    this.address = listening.address;
    this.#listening = listening;
    this.#graceMs = options.graceMs;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    const { logger } = options;
    this.#core = new Core(
      {
        ...options,
        memoryLimit: options.memoryLimit ?? defaultMemoryLimit(),
        address: listening.address,
        version: VERSION,
        pid: process.pid,
        brokerId: randomBytes(8).toString("hex"),
      },
      {
        now: () => performance.now(),
        wallNow: () => Date.now(),
        random: randomBytes,
        scheduleFlush: () => setImmediate(() => this.#core.flush()),
        setAlarm: (atMs) => this.#setAlarm(atMs),
        collect: collectGarbage,
        log: (level, fields, message) => logger?.[level](fields, message),
      },
      store,
    );
    // Kubernetes can change a container's limit while it runs.
    if (options.memoryLimit === undefined) {
      this.#follower = setInterval(() => this.#core.limitMemory(defaultMemoryLimit()), FOLLOW_MS);
      this.#follower.unref();
    }
    listening.server.on("connection", (socket) => this.#accept(socket));
    listening.server.on("error", (error) => logger?.error({ error }, "the listener failed to accept a connection"));
  }

  stats(): Stats {
    return this.#core.stats();
  }

  close({ graceMs = this.#graceMs }: { graceMs?: number } = {}): Promise<void> {
    if (this.#closing === undefined) this.#closing = this.#close(graceMs);
    else if (graceMs === 0) this.#core.destroy();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ graceMs: 0 });
  }

  async #close(graceMs: number): Promise<void> {
    await this.#listening.close();
    const core = this.#core;
    core.close();
    const endMs = performance.now() + graceMs;
    let idleSinceMs = Number.POSITIVE_INFINITY;
    while (core.peers.size > 0 && performance.now() < endMs) {
      if (!core.isIdle) idleSinceMs = Number.POSITIVE_INFINITY;
      else if (idleSinceMs === Number.POSITIVE_INFINITY) idleSinceMs = performance.now();
      if (performance.now() - idleSinceMs >= LINGER_MS) break;
      await sleep(CLOSING_MS);
    }
    core.destroy();
    await new Promise<void>((resolve) => {
      core.durability.sync(() => resolve());
    });
    await this.#store?.close();
    clearTimeout(this.#timer);
    clearInterval(this.#follower);
    this.#resolveClosed();
  }

  #accept(socket: Socket): void {
    const transport = new SocketTransport(socket);
    this.#core.connect(transport, peerCredentials(transport.fd) ?? UNKNOWN);
  }

  #setAlarm(atMs: number): void {
    clearTimeout(this.#timer);
    if (atMs === Number.POSITIVE_INFINITY) return;
    const inMs = Math.min(MAX_TIMER_MS, Math.max(1, Math.ceil(atMs - performance.now())));
    this.#timer = setTimeout(() => this.#core.alarm(), inMs);
  }
}
