// Runs a target on very many inputs: each made from a seed, by grammar, or by changing one that is in the corpus; inputs that reach new
// code come into the corpus. Finds what throws, what takes too long, and what leaves memory behind. What it finds is made smaller and
// written to a file, from which it can be run again:
//
//   PODBUS_FUZZ_SEED=7      other inputs (1)
//   PODBUS_FUZZ_SCALE=10    ten times as many
//   PODBUS_FUZZ_REPLAY=FILE that one input only

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";

import { Novelty } from "./novelty.ts";
import { Random } from "../random.ts";

export interface Target<Input> {
  readonly name: string;
  readonly inputs: number;
  /** Recorded inputs: where the corpus begins. */
  readonly seeds: readonly Input[];
  /** Parts of the paths of the files whose code is to be reached. */
  readonly files: readonly string[];
  make(random: Random, corpus: readonly Input[]): Input;
  /** @throws where it finds something. What it decides by `random` is the same for the same input. */
  run(input: Input, random: Random): void | Promise<void>;
  /** Smaller inputs that may do the same. */
  smaller(input: Input): Iterable<Input>;
  toJson(input: Input): unknown;
  fromJson(json: unknown): Input;
}

interface Finding {
  readonly target: string;
  readonly random: number;
  readonly input: unknown;
}

const SEED = Number(process.env["PODBUS_FUZZ_SEED"] ?? 1);
const SCALE = Number(process.env["PODBUS_FUZZ_SCALE"] ?? 1);
const REPLAY = process.env["PODBUS_FUZZ_REPLAY"];

const MAX_CORPUS = 512;
/** Inputs between two looks at what code was reached. */
const LOOK_EVERY = 48;
/** CPU time of one input. Most take microseconds. */
const MAX_INPUT_MS = 2000;
/** A campaign that makes no progress for so long hangs. */
const HANG_MS = 60_000;
/** What the process may hold more at the end than after its first quarter, once garbage is collected. */
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
const MAX_SHRINKING = 400;

/** @returns how many inputs were run. */
export async function campaign<Input>(target: Target<Input>): Promise<number> {
  if (REPLAY !== undefined) return replay(target, JSON.parse(readFileSync(REPLAY, "utf8")) as Finding);
  const inputs = Math.ceil(target.inputs * SCALE);
  const corpus = [...target.seeds];
  const batch: Input[] = [];
  const novelty = new Novelty(target.files);
  const watchdog = new Watchdog(target.name);
  let baseline = Number.POSITIVE_INFINITY;
  try {
    for (let i = 0; i < inputs; i++) {
      const random = Random.of(SEED, i);
      const input = i < target.seeds.length ? target.seeds[i]! : target.make(random, corpus);
      watchdog.at(i);
      const problem = await attempt(target, input, i);
      if (problem !== undefined) throw await found(target, input, i, problem);
      batch.push(input);
      if (batch.length === LOOK_EVERY) {
        if (novelty.look()) for (const each of batch) keep(corpus, each, target.seeds.length, random);
        batch.length = 0;
      }
      if (i === inputs >> 2) baseline = heldBytes();
    }
    const growth = heldBytes() - baseline;
    if (growth > MAX_GROWTH_BYTES) {
      throw new Error(`${target.name}: memory grew by ${growth} bytes over ${inputs - (inputs >> 2)} inputs`);
    }
    return inputs;
  } finally {
    novelty.end();
    await watchdog.end();
  }
}

/** Recorded ones stay. */
function keep<Input>(corpus: Input[], input: Input, recorded: number, random: Random): void {
  if (corpus.length < recorded + MAX_CORPUS) corpus.push(input);
  else corpus[recorded + random.below(MAX_CORPUS)] = input;
}

async function attempt<Input>(target: Target<Input>, input: Input, index: number): Promise<Error | undefined> {
  const startMs = performance.now();
  try {
    const running = target.run(input, Random.of(~SEED, index));
    if (running !== undefined) await running;
    return performance.now() - startMs < MAX_INPUT_MS ? undefined : await timed(target, input, index);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Again, by the time of the processor: on a busy machine much else may have run meanwhile. */
async function timed<Input>(target: Target<Input>, input: Input, index: number): Promise<Error | undefined> {
  const before = process.cpuUsage();
  await target.run(input, Random.of(~SEED, index));
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  return ms < MAX_INPUT_MS ? undefined : new Error(`it took ${Math.round(ms)} ms of CPU time`);
}

async function found<Input>(target: Target<Input>, input: Input, index: number, problem: Error): Promise<Error> {
  let smallest = input;
  let tries = 0;
  for (let again = true; again && tries < MAX_SHRINKING;) {
    again = false;
    for (const candidate of target.smaller(smallest)) {
      if (++tries > MAX_SHRINKING) break;
      if ((await attempt(target, candidate, index)) === undefined) continue;
      smallest = candidate;
      again = true;
      break;
    }
  }
  const finding: Finding = { target: target.name, random: index, input: target.toJson(smallest) };
  const file = join(mkdtempSync(join(tmpdir(), "podbus-fuzz-")), `${target.name}.json`);
  writeFileSync(file, `${JSON.stringify(finding)}\n`);
  const text = JSON.stringify(finding.input);
  const again = `PODBUS_FUZZ_SEED=${SEED} PODBUS_FUZZ_REPLAY=${file} npm run test:fuzz`;
  return new Error(`${target.name}, input ${index}: ${problem.message}\n${text.slice(0, 2000)}\nagain: ${again}`, {
    cause: problem,
  });
}

async function replay<Input>(target: Target<Input>, finding: Finding): Promise<number> {
  if (finding.target !== target.name) return 0;
  const problem = await attempt(target, target.fromJson(finding.input), finding.random);
  if (problem !== undefined) throw problem;
  return 1;
}

let collect: (() => void) | undefined;

/** After a collection. */
function heldBytes(): number {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Ends a process whose main thread is in an endless loop: nothing in that thread could. */
class Watchdog {
  readonly #progress = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;

  constructor(name: string) {
    const code = `
      const { workerData: { progress, name, hangMs } } = require("node:worker_threads");
      let last = -1;
      setInterval(() => {
        const now = Atomics.load(progress, 0);
        if (now !== last) return void (last = now);
        require("node:fs").writeSync(2, name + ": input " + now + " hangs\\n");
        process.kill(process.pid, "SIGKILL");
      }, hangMs);`;
    this.#worker = new Worker(code, { eval: true, workerData: { progress: this.#progress, name, hangMs: HANG_MS } });
    this.#worker.unref();
  }

  at(index: number): void {
    this.#progress[0] = index;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Parts of `bytes` left out, large ones first. */
export function* smallerBytes(bytes: Buffer): Generator<Buffer> {
  for (let size = bytes.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= bytes.length; at += size) {
      yield Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
    }
  }
}
