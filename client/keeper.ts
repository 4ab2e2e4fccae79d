// Gets a connection, and another when it is gone: tries, backs off, gives up where that was asked for. It knows when a session opened
// or ended, and nothing of what is done with it.

import type { Address } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import { DEFAULT_HANDSHAKE_MS } from "../shared/protocol.ts";
import { abortError, onAbort } from "./abort.ts";
import { Backoff } from "./backoff.ts";
import type { Env } from "./env.ts";
import { Later } from "./later.ts";
import type { Session } from "./session.ts";

/** Refusals that trying again would not change. */
const FINAL: ReadonlySet<string> = new Set(["bad_address", "bad_auth", "bad_hello", "bad_option", "not_allowed"]);
/** Until there was a connection, the pauses stay short: a container that starts beside its broker waits for nothing else. */
const FIRST_PAUSE_MS = 25;
/** After an orderly end they stay short as well, for so long: the next broker is likely to be waiting for the first to let go. */
const HAND_OVER_MS = 5_000;
/** A connection that held for so long was a good one. */
const GOOD_MS = 1_000;

export interface KeeperHooks {
  /** A session that was not started. @throws PodbusError */
  session(): Session;
  /** A try to connect again was refused. */
  refused(error: PodbusError): void;
}

export class Keeper {
  readonly #env: Env;
  readonly #address: Address;
  readonly #hooks: KeeperHooks;
  readonly #backoff: Backoff;
  /** Resolves with undefined once the session that is being opened is open, else with why it is not. */
  #opening: Later<PodbusError | undefined> | undefined;
  #openedMs = 0;
  #closed = false;
  #wake: () => void = () => {};

  constructor(env: Env, address: Address, hooks: KeeperHooks) {
    this.#env = env;
    this.#address = address;
    this.#hooks = hooks;
    this.#backoff = new Backoff(() => env.random());
  }

  /** The first connection. @throws PodbusError where there is none in time, or none is to be had */
  async connect(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const startedMs = this.#env.nowMs();
    const stop = onAbort(signal, () => this.close());
    try {
      for (;;) {
        const leftMs = timeoutMs - (this.#env.nowMs() - startedMs);
        const error = this.#closed ? undefined : await this.#try(timeoutMs === 0 ? Infinity : Math.max(leftMs, 1));
        if (signal?.aborted === true) throw abortError(signal, "connect()");
        if (error === undefined) return;
        if (isFinal(error)) throw error;
        const nowLeftMs = timeoutMs - (this.#env.nowMs() - startedMs);
        if (nowLeftMs <= 0) {
          const { unreachable } = await import("./unreachable.ts");
          throw await unreachable(this.#address, timeoutMs, error);
        }
        await this.#pause(Math.min(this.#backoff.nextMs(), FIRST_PAUSE_MS, nowLeftMs));
      }
    } finally {
      stop();
    }
  }

  /** The session opened. */
  opened(): void {
    this.#openedMs = this.#env.nowMs();
    this.#opening?.resolve(undefined);
    this.#opening = undefined;
  }

  /** The session ended, in order or not. True where it had been open: then this goes on by itself. */
  ended(error: PodbusError, isOrderly = false): boolean {
    if (this.#opening !== undefined) {
      this.#opening.resolve(error);
      this.#opening = undefined;
      return false;
    }
    if (!this.#closed) void this.#again(isOrderly);
    return true;
  }

  /** No further tries. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async #again(isHandOver: boolean): Promise<void> {
    const startedMs = this.#env.nowMs();
    if (this.#env.nowMs() - this.#openedMs >= GOOD_MS) this.#backoff.reset();
    let told = "";
    for (;;) {
      const isShort = isHandOver && this.#env.nowMs() - startedMs < HAND_OVER_MS;
      await this.#pause(isShort ? this.#env.random() * FIRST_PAUSE_MS : this.#backoff.nextMs());
      if (this.#closed) return;
      const error = await this.#try(DEFAULT_HANDSHAKE_MS);
      if (error === undefined || this.#closed) return;
      if (!(error instanceof PodbusError) || error.code === "disconnected" || error.message === told) continue;
      told = error.message;
      this.#hooks.refused(error);
    }
  }

  /** Undefined where that led to a connection. */
  async #try(handshakeMs: number): Promise<unknown> {
    try {
      const session = this.#hooks.session();
      const transport = await this.#env.dial(session);
      if (this.#closed) {
        transport.destroy();
        return undefined;
      }
      const opening = new Later<PodbusError | undefined>();
      this.#opening = opening;
      this.#wake = () => session.fail(new PodbusError("closed", "the client was closed"));
      session.start(transport, handshakeMs);
      return await opening.promise;
    } catch (error) {
      return error;
    } finally {
      this.#wake = () => {};
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) {
        resolve();
        return;
      }
      const cancel = this.#env.after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function isFinal(error: unknown): error is PodbusError {
  return error instanceof PodbusError && FINAL.has(error.code);
}
