// The processes of one measurement: workers that play roles, the broker or the relay's hub, and bare ones. None outlives its stage, and
// none the benchmark, however it ends: each has a channel or a pipe from it, and its end is theirs.

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { parseSocketTable } from "../shared/os/socket-table.ts";
import { nats } from "./peers/nats.ts";
import type { Peer } from "./peers/peer.ts";
import { redis } from "./peers/redis.ts";
import { find } from "./programs.ts";
import type { HubMode } from "./relay/hub.ts";
import type { FromWorker, ParamsOf, ResultOf, RoleName, ToWorker } from "./roles/role.ts";
import type { SideName } from "./sides/side.ts";

/** The benchmark's own program (bench/main.ts), which is a worker when it is told so; and, beside it in dist/, the command. */
const MAIN = resolve(process.argv[1]!);
const COMMAND = join(dirname(MAIN), "../cli/main.js");
export const WORKER_ARGUMENT = "--worker";

/** How long a process may take to be ready, to tell its result, or to end. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 2;

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A process that plays a role. */
export class Worker<Name extends RoleName> {
  readonly pid: number;
  /** Resolves once the others may begin. */
  readonly ready: Promise<void>;
  readonly result: Promise<ResultOf<Name>>;
  readonly #child: ChildProcess;
  #isStopped = false;

  constructor(
    role: Name,
    params: ParamsOf<Name>,
    nodeArguments: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    const child = fork(MAIN, [WORKER_ARGUMENT], {
      env: { ...process.env, ...environment },
      execArgv: [...nodeArguments],
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = track(child);
    this.pid = child.pid ?? 0;
    const gone = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`the ${role} process ended early (${signal ?? code})`)));
    });
    this.ready = this.#first(gone, role, "get ready", (message) => message.kind === "ready") as Promise<void>;
    this.result = this.#first(gone, role, "finish", (message) => message.kind === "result") as Promise<ResultOf<Name>>;
    for (const promise of [gone, this.ready, this.result]) promise.catch(() => {}); // told to who awaits it
    this.#send({ kind: "play", role, params });
  }

  tell(what: string, value?: unknown): void {
    this.#send({ kind: "tell", what, value });
  }

  /** Stops it, as if it hung: it does nothing from here on, and is killed at its end. */
  stop(): void {
    process.kill(this.pid, "SIGSTOP");
    this.#isStopped = true;
  }

  async end(): Promise<void> {
    if (this.#isStopped) this.#child.kill("SIGKILL");
    else if (this.#child.connected) this.tell("end");
    await ended(this.#child);
  }

  #send(message: ToWorker): void {
    this.#child.send(message, () => {}); // one that is gone is found out by its exit
  }

  /** The first message that `matters`, or why there is none. */
  async #first(
    gone: Promise<never>,
    role: RoleName,
    what: string,
    matters: (message: FromWorker) => boolean,
  ): Promise<unknown> {
    const timeout = new AbortController();
    const message = new Promise<unknown>((resolve, reject) => {
      this.#child.on("message", (message: FromWorker) => {
        if (message.kind === "failed") reject(new Error(`the ${role} process failed: ${message.why}`));
        else if (matters(message)) resolve(message.kind === "result" ? message.result : undefined);
      });
    });
    const late = async (): Promise<never> => {
      await sleep(PATIENCE_MS, undefined, { signal: timeout.signal, ref: false });
      throw new Error(`the ${role} process did not ${what} within ${PATIENCE_MS / 1000} s`);
    };
    try {
      return await Promise.race([message, gone, late()]);
    } finally {
      timeout.abort();
    }
  }
}

interface Middle {
  /** Where the others reach it. */
  readonly address: string;
  readonly pid: number;
}

export interface StageOptions {
  /** Where every process writes its CPU profile to. */
  readonly profileFolder?: string | undefined;
}

let stages = 0;

/** Everything that one measurement starts. */
export class Stage implements AsyncDisposable {
  /** An address of this stage's own. */
  readonly address: string = `@podbus-bench-${process.pid}-${++stages}`;
  /** Options of the broker beside its address, and variables of workers: to be set before they start. */
  brokerArguments: readonly string[] = [];
  environment: Readonly<Record<string, string>> = {};
  readonly #options: StageOptions;
  readonly #ends: (() => Promise<void>)[] = [];

  constructor(options: StageOptions = {}) {
    this.#options = options;
  }

  /** Starts what stands in the middle of a side; for HTTP there is nothing. */
  async middle(side: Exclude<SideName, "http">, mode: HubMode = "copy"): Promise<Middle> {
    const { address } = this;
    switch (side) {
      case "bus":
        return { address, ...(await this.broker()) };
      case "relay":
        return { address, pid: (await this.worker("hub", { address, mode })).pid };
      case "redisPubSub":
      case "redisStreams":
        return this.#peer(redis);
      case "nats":
      case "jetStream":
        return this.#peer(nats);
    }
  }

  /** Starts a worker; resolves once it is ready. */
  async worker<Name extends RoleName>(role: Name, params: ParamsOf<Name>): Promise<Worker<Name>> {
    const worker = new Worker(role, params, this.#profiling(role), this.environment);
    this.#ends.push(() => worker.end());
    await worker.ready;
    return worker;
  }

  /** Starts the broker as users do, with `options` as well; resolves once it listens. */
  async broker(options: readonly string[] = []): Promise<{ readonly pid: number }> {
    const [program, ...args] = brokerCommand(this.address, this.#profiling("broker"));
    const child = this.#start(program, [...args, ...this.brokerArguments, ...options], ["pipe", "ignore", "inherit"]);
    await listening(child, this.address);
    return { pid: child.pid! };
  }

  /** A new folder for data, in the system's folder for such things ($TMPDIR); it goes with the stage. */
  async folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), "podbus-bench-"));
    this.#ends.push(() => rm(path, { recursive: true }));
    return path;
  }

  /** Starts a Node that does nothing. */
  bareNode(): { readonly pid: number } {
    const child = this.#start(process.execPath, ["-e", "setInterval(()=>{},1e3)"], ["ignore", "ignore", "inherit"]);
    return { pid: child.pid! };
  }

  /** Ends all of it, the last one first. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
  }

  /** Starts a server that others made; resolves once it takes connections. */
  async #peer({ program, place }: Peer): Promise<Middle> {
    const { address, args } = await place(await this.folder());
    // It has no channel from here whose end it would notice.
    const withParent = ["--pdeathsig", "KILL", find(program.name) ?? program.name, ...args];
    const child = this.#start("setpriv", withParent, ["ignore", "ignore", "inherit"]);
    await accepting(child, program.name, address);
    return { address, pid: child.pid! };
  }

  #start(program: string, args: readonly string[], stdio: ("pipe" | "ignore" | "inherit")[]): ChildProcess {
    const child = track(spawn(program, args, { stdio }));
    this.#ends.push(async () => {
      child.kill("SIGTERM");
      await ended(child);
    });
    return child;
  }

  #profiling(role: string): string[] {
    const { profileFolder } = this.#options;
    if (profileFolder === undefined) return [];
    return [
      "--cpu-prof",
      `--cpu-prof-dir=${profileFolder}`,
      `--cpu-prof-name=${stages}-${role}-${++profiles}.cpuprofile`,
    ];
  }
}

let profiles = 0;

/** `podbus serve`, that ends with who started it. */
export function brokerCommand(address: string, nodeArguments: readonly string[] = []): [string, ...string[]] {
  return [
    process.execPath,
    ...nodeArguments,
    COMMAND,
    "serve",
    "--address",
    address,
    "--with-parent",
    "--log-level",
    "warn",
  ];
}

/** What the process keeps in memory, in bytes, as the kernel counts it. */
export function residentBytes(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found![1]) * 1024;
}

function track(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  await once(child, "exit");
  clearTimeout(timer);
}

/** Looks at the kernel's list: to connect would be a client more. */
async function listening(child: ChildProcess, address: string): Promise<void> {
  await untilServing(child, "broker", () => {
    const rows = parseSocketTable(readFileSync("/proc/net/unix", "utf8"));
    return rows.some(({ name, state }) => name === address && state === "listening");
  });
}

/** @param address of a unix socket's file, or host and port */
async function accepting(child: ChildProcess, name: string, address: string): Promise<void> {
  const [host, port] = address.split(":");
  await untilServing(child, name, async () => {
    const socket = port === undefined ? connect(address) : connect(Number(port), host);
    try {
      await once(socket, "connect");
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  });
}

async function untilServing(
  child: ChildProcess,
  name: string,
  isServing: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await isServing())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the ${name} ended early`);
    if (performance.now() > endMs) throw new Error(`the ${name} did not listen within ${PATIENCE_MS / 1000} s`);
    await sleep(LOOK_MS);
  }
}
