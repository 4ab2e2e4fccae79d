// Recorded sessions, as seeds: what the clients of the conformance vectors send, step by step, and what a broker sent them in turn.

import { readFileSync } from "node:fs";

import { bytesOf, type Json, Memory, toElements } from "../conformance.ts";
import { frame } from "../msgpack.ts";
import { World } from "../simulated.ts";

const FILES = ["opening", "publish", "retain", "subscribe", "queues", "requests", "flow", "closing", "system"];

interface Vectors {
  readonly valid: readonly { readonly bytes: string }[];
  readonly invalid: readonly { readonly bytes: string }[];
}

interface Step {
  readonly on?: string;
  readonly connect?: string;
  readonly send?: Json[] | Json[][];
  readonly bytes?: string;
  readonly requests?: number;
  readonly topic?: string;
  readonly sync?: number;
  readonly close?: true;
}

/** Something that one of a session's clients does. */
interface Sent {
  /** Which client: 0, 1, … */
  readonly client: number;
  /** Undefined: it goes. */
  readonly bytes: Buffer | undefined;
}

export interface RecordedSession {
  readonly sent: readonly Sent[];
  /** What the broker sent to each client. */
  readonly came: readonly Buffer[];
}

/** The frames of the vectors, valid or not. */
export function recordedFrames(): Buffer[] {
  const { valid, invalid } = load<Vectors>("frames");
  return [...valid, ...invalid].map(({ bytes }) => bytesOf(bytes)).filter(({ length }) => length <= 8192);
}

export function recordedSessions(): RecordedSession[] {
  return FILES.flatMap((file) => load<{ sessions: { steps: Step[] }[] }>(file).sessions).map(({ steps }) => {
    const sent = sentBy(steps);
    return { sent, came: cameOf(sent) };
  });
}

function load<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../conformance/${file}.json`, import.meta.url), "utf8")) as T;
}

function sentBy(steps: readonly Step[]): Sent[] {
  const memory = new Memory();
  const names: string[] = [];
  const sent: Sent[] = [];
  for (const { on, connect, send, bytes, requests, topic, sync, close } of steps) {
    if (on === undefined) continue;
    let client = names.indexOf(on);
    if (client < 0) {
      client = names.push(on) - 1;
      if (connect !== "raw") sent.push({ client, bytes: frame(0, 1) });
    }
    const frames: Buffer[] = [];
    if (send !== undefined) for (const each of listOf(send)) frames.push(frameOf(each, memory));
    if (bytes !== undefined) frames.push(bytesOf(bytes));
    for (let id = 1; id <= Math.min(requests ?? 0, 20); id++) frames.push(frame(7, id, topic!, null));
    if (sync !== undefined) frames.push(frame(4, 1_000_000 + sent.length));
    const all = Buffer.concat(frames);
    if (all.length > 0 && all.length <= 8192) sent.push({ client, bytes: all });
    if (close === true) sent.push({ client, bytes: undefined });
  }
  return sent;
}

/** What a session saves as it runs is not known here: a number stands for it. */
function frameOf(json: Json[], memory: Memory): Buffer {
  const known = json.map((element) =>
    typeof element === "object" && element !== null && "use" in element ? 1 : element,
  );
  return frame(...toElements(known, memory));
}

function cameOf(sent: readonly Sent[]): Buffer[] {
  const world = new World();
  const clients = Array.from({ length: Math.max(0, ...sent.map(({ client }) => client)) + 1 }, () => world.accept());
  for (const { client, bytes } of sent) {
    if (bytes === undefined) clients[client]!.leave();
    else clients[client]!.write(bytes);
    world.run();
  }
  world.advance(100);
  return clients.map((client) => client.bytes());
}

const listOf = (frames: Json[] | Json[][]): Json[][] =>
  Array.isArray(frames[0]) ? (frames as Json[][]) : [frames as Json[]];
