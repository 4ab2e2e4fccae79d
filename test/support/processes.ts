// Real processes for integration tests: the built command (`dist/cli/main.js`, which `npm test` builds first), and brokers that
// it serves on addresses of their own. Whatever a test starts is `AsyncDisposable`, and is killed when the test process ends.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The command as it is built. */
export const CLI: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** How long a condition of a test may take before the test fails with what was printed so far. */
const PATIENCE_MS = 20_000;

/** Text given at once, or bytes. */
type Input = string | Uint8Array;

export interface StartOptions {
  /** Added to the environment, which is this process's without any `PODBUS_…`; undefined removes. */
  env?: Record<string, string | undefined>;
  /** Written to standard input, which is then closed. Without it standard input is empty; `null` leaves it open. */
  input?: Input | null;
  cwd?: string;
}

/** How a process ended, and everything that it printed. */
export interface Result {
  /** The exit code, or null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as bytes. */
  readonly bytes: Buffer;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A process that runs, with what it has printed so far. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  /** How it ended. Never rejects but where it could not be started. */
  readonly ended: Promise<Result>;
  readonly #what: string;
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #over = false;

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    this.#what = [command, ...args].join(" ");
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: environment(options.env),
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child = child;
    running.add(child);
    child.stdout.on("data", (chunk: Buffer) => this.#printed(this.#out, chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#printed(this.#err, chunk));
    child.stdin.on("error", () => {}); // it may end before it has read everything
    if (options.input !== null) child.stdin.end(options.input ?? "");
    this.ended = this.#end();
    this.ended.catch(() => {});
  }

  get pid(): number {
    return this.child.pid!;
  }

  get stdout(): string {
    return Buffer.concat(this.#out).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#err).toString();
  }

  write(input: Input): void {
    this.child.stdin!.write(input);
  }

  /** Closes standard input. */
  end(): void {
    this.child.stdin!.end();
  }

  /** Resolves once `done` says so of what was printed, asked anew whenever more was. @throws where the process ended first. */
  async until(done: (stdout: string, stderr: string) => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!done(this.stdout, this.stderr)) {
      if (this.#over) throw new Error(this.#story("it ended before what the test waits for"));
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(this.#story(`what the test waits for did not come in ${PATIENCE_MS} ms`));
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  /** Resolves once standard output has `text`. */
  async untilPrinted(text: string): Promise<void> {
    await this.until((stdout) => stdout.includes(text));
  }

  /** Sends a signal and resolves with how it ended. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Result> {
    this.child.kill(signal);
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.stop("SIGKILL");
  }

  #printed(to: Buffer[], chunk: Buffer): void {
    to.push(chunk);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #end(): Promise<Result> {
    try {
      const [code, signal] = (await once(this.child, "close")) as [number | null, NodeJS.Signals | null];
      return { code, signal, stdout: this.stdout, stderr: this.stderr, bytes: Buffer.concat(this.#out) };
    } finally {
      this.#over = true;
      running.delete(this.child);
      this.#wake();
    }
  }

  #story(what: string): string {
    return `${this.#what}: ${what}\n--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`;
  }
}

/** Starts `podbus ARGS…`. */
export function startCli(args: readonly string[], options?: StartOptions): Running {
  return new Running(process.execPath, [CLI, ...args], options);
}

/** Runs `podbus ARGS…` to its end. */
export async function runCli(args: readonly string[], options?: StartOptions): Promise<Result> {
  return startCli(args, options).ended;
}

/** An abstract address that nothing else uses. */
export function uniqueAddress(): string {
  return `@podbus-test-${process.pid}-${randomBytes(6).toString("hex")}`;
}

/** A broker in a process of its own. */
export interface BrokerProcess extends AsyncDisposable {
  readonly address: string;
  readonly pid: number;
  readonly process: Running;
  /** `PODBUS_ADDRESS` for those who should use it. */
  readonly env: Record<string, string>;
  /** Sends SIGTERM, or another signal, and resolves with how it ended. */
  stop(signal?: NodeJS.Signals): Promise<Result>;
}

/** Starts `podbus serve` on an address of its own, or on that in `options`, and resolves once it listens. */
export async function startBroker(
  options: StartOptions & { address?: string; args?: readonly string[] } = {},
): Promise<BrokerProcess> {
  const address = options.address ?? uniqueAddress();
  const broker = startCli(["serve", "--address", address, ...(options.args ?? [])], options);
  await untilListening(broker);
  return {
    address,
    pid: broker.pid,
    process: broker,
    env: { PODBUS_ADDRESS: address },
    stop: (signal) => broker.stop(signal),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

/** Resolves once a started `serve` has logged that it listens. */
export async function untilListening(broker: Running): Promise<void> {
  await broker.until((stdout) => logLines(stdout).some((line) => line["msg"] === "listening"));
}

/** The JSON lines of a log; a last line that is not whole yet is left out. */
export function logLines(text: string): Record<string, unknown>[] {
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Asks again and again, every few milliseconds, until `ask` gives something other than undefined or false. */
export async function eventually<T>(ask: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`what the test waits for did not come in ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function environment(extra: Record<string, string | undefined> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) if (!name.startsWith("PODBUS_")) env[name] = value;
  return Object.assign(env, extra);
}
