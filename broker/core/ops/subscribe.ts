// SUB and UNSUB.

import { extStart, isNil, readInt, readStr } from "../../../shared/codec/read.ts";
import type { Frame } from "../../../shared/codec/scan.ts";
import { isFaithful, readMap } from "../../../shared/codec/value.ts";
import { EXT_VALUE, FOR_RETAINED } from "../../../shared/protocol.ts";
import { quote } from "../../../shared/quote.ts";
import { patternProblem } from "../../../shared/topic.ts";
import { AckMember } from "../ack-member.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { need, needId, needStr, optionalMap } from "../elements.ts";
import { Refusal } from "../failure.ts";
import { Member } from "../member.ts";
import type { Live } from "../live.ts";
import type { Peer } from "../peer.ts";
import { Queue } from "../queue.ts";
import { QueueLog } from "../queue-log.ts";
import { Responder } from "../responder.ts";
import { KNOWN_OPTIONS, queueDifference, readSubscribeOptions, type SubscribeOptions } from "../subscribe-options.ts";
import type { Verb } from "../rules.ts";
import { Subscription } from "../subscription.ts";

export function subscribe(core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  const { buf } = chunk;
  const sid = needId(buf, frame, 1, "sid");
  needStr(buf, frame, 2, "pattern");
  optionalMap(buf, frame, 3, "options");
  peer.needFree(sid, "sid");
  try {
    if (core.isClosing) throw new Refusal("closing", "the broker is ending; subscribe at the next one");
    if (peer.leaving) throw new Refusal("closing", "this connection said BYE; open another");
    const pattern = readPattern(buf, frame);
    const options = readSubscribeOptions(readOptions(buf, frame), pattern);
    needPermission(core, peer, pattern, options);
    const most = core.options.maxSubscriptions;
    if (peer.subscriptions >= most) {
      core.limited.maxSubscriptions++;
      throw new Refusal(
        "limit",
        `this connection has ${most} subscriptions, which is the limit (option maxSubscriptions)`,
      );
    }
    if (core.subscriptions >= core.pressure.mostSubscriptions) {
      core.limited.memoryLimit++;
      throw new Refusal(
        "limit",
        `the broker has ${core.subscriptions} subscriptions, for which it has memory (option memoryLimit); end some`,
      );
    }
    add(core, peer, sid, pattern, options);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    peer.error(sid, error.code, error.message);
  }
}

/** What it may not do, one after the other: the first is told. */
function needPermission(core: Core, peer: Peer, pattern: string, { respond, queue, shared }: SubscribeOptions): void {
  if (respond) {
    if (!pattern.startsWith("$")) permitted(core, peer, "respond", pattern); // what does is nobody's, with rules or without
    return;
  }
  permitted(core, peer, "subscribe", pattern);
  if (queue !== undefined) permitted(core, peer, "queue", queue);
  // The broker would publish there for it.
  if (shared.deadLetter !== undefined) permitted(core, peer, "publish", shared.deadLetter);
}

/** @throws Refusal where no rule permits it */
function permitted(core: Core, peer: Peer, verb: Verb, wanted: string): void {
  if (peer.role.may(verb, wanted)) return;
  throw new Refusal("not_allowed", core.access.denial(peer.subject, verb, wanted));
}

function readPattern(buf: Buffer, frame: Frame): string {
  const start = needStr(buf, frame, 2, "pattern");
  const problem = patternProblem(buf, start, frame.at[3]!);
  if (problem !== undefined) throw new Refusal("bad_pattern", problem);
  return readStr(buf, frame.at[2]!, frame.at[3]!)!;
}

function readOptions(buf: Buffer, frame: Frame): Record<string, unknown> | undefined {
  if (frame.count < 4 || isNil(buf, frame.at[3]!)) return undefined;
  const end = frame.at[4]!;
  const map = readMap(buf, frame.at[3]!, end, true);
  if (map === undefined && extStart(buf, need(frame, 3, "options"), EXT_VALUE) >= 0) {
    throw new Refusal("bad_option", "the options must be one map");
  }
  for (const [name, value] of Object.entries(map ?? {})) {
    if (typeof value !== "string" || !KNOWN_OPTIONS.includes(name)) continue;
    if (isFaithful(value, buf, frame.at[3]!, end)) continue;
    throw new Refusal("bad_option", `${quote(name)} must be well-formed UTF-8`);
  }
  return map;
}

function add(core: Core, peer: Peer, sid: number, pattern: string, options: SubscribeOptions): void {
  if (options.respond) {
    if (pattern.startsWith("$")) {
      throw new Refusal("not_allowed", "topics that begin with $ are the broker's own; respond to another");
    }
    const responder = new Responder(peer, sid, pattern);
    peer.ids.set(sid, responder);
    core.responders.add(pattern, responder);
  } else if (options.queue === undefined) {
    const subscription = new Subscription(core, peer, sid, pattern, options.shared);
    peer.ids.set(sid, subscription);
    core.outboxes.add(pattern, subscription.outbox);
    if (options.retained) sendRetained(core, peer, subscription);
  } else {
    const queue = queueFor(core, options.queue, pattern, options);
    const member = queue.options.ack
      ? new AckMember(core, peer, sid, queue, options.prefetch, options.concurrency)
      : new Member(peer, sid, queue);
    peer.ids.set(sid, member);
    queue.join(member);
  }
  peer.subscriptions++;
  core.subscriptionsChanged(1);
}

function queueFor(core: Core, name: string, pattern: string, options: SubscribeOptions): Queue {
  const known = core.queues.get(name);
  if (known !== undefined) {
    const difference = queueDifference(name, known, pattern, options);
    if (difference !== undefined) throw new Refusal("bad_option", difference);
    return known;
  }
  const { maxQueues } = core.options;
  if (core.queues.size >= maxQueues) {
    core.limited.maxQueues++;
    throw new Refusal(
      "limit",
      `there are ${core.queues.size} queues, and ${maxQueues} is the limit (option maxQueues); remove some (podbus queue rm)`,
    );
  }
  const { durable } = options.shared;
  if (durable && !core.durability.isOn) {
    throw new Refusal(
      "unavailable",
      "a durable queue needs a broker with a data directory (option data), and this one has none",
    );
  }
  const log = durable ? new QueueLog(core.durability, core.nextDurableQueue++) : undefined;
  log?.describe(name, pattern, options.shared);
  const queue = new Queue(core, name, pattern, { ...options.shared }, log);
  core.queues.set(name, queue);
  core.outboxes.add(pattern, queue.outbox);
  return queue;
}

/** Straight to the connection, before anything that comes later: they are held by the broker anyway. */
function sendRetained(core: Core, peer: Peer, subscription: Subscription): void {
  for (const chunk of core.retained.matching(subscription.pattern)) {
    subscription.outbox.counters.accepted++;
    peer.link.deliverOne(subscription, chunk, 0, chunk.buf.length, FOR_RETAINED);
  }
  core.dirty(peer);
}

export function unsubscribe(core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  needId(chunk.buf, frame, 1, "sid");
  const sid = readInt(chunk.buf, frame.at[1]!);
  const live = peer.ids.get(sid);
  if (live === undefined || !isSubscribed(live)) return;
  peer.link.forget(sid);
  // A member that holds something unsettled stays one until that is over, and so does its number.
  if (live.kind === "member" && !live.retire()) return;
  peer.ids.delete(sid);
  core.remove(live);
  core.subscriptionsChanged(-1);
  peer.checkDone();
}

function isSubscribed(live: Live): live is Subscription | Member | Responder {
  return live.kind === "subscription" || live.kind === "member" || live.kind === "responder";
}
