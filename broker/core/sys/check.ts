// `$sys.check`: whether the books balance. What waits, what is in flight and what is held is counted anew, by walking it frame by
// frame, and held against the counters; so a check can fail. Costs a look at every message there is: nothing for every second.

import { bytesOfAll, type PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import type { Counts } from "../counters.ts";
import type { Consumer } from "../link.ts";
import { Member } from "../member.ts";
import type { Peer } from "../peer.ts";
import type { Queue } from "../queue.ts";
import { countersOf } from "./clients.ts";

/** Problems that are told at the most. */
const MOST = 50;

interface Recounted {
  waiting: number;
  inFlight: number;
  heldBytes: number;
}

interface Check {
  ok: boolean;
  /** What is wrong, one line each; nothing where all is well. */
  problems: string[];
  /** What the broker's counters say. */
  counters: Counts & { heldBytes: number };
  /** And what there is. */
  recounted: Recounted;
  queues: number;
  subscriptions: number;
}

export function check(core: Core): Check {
  const books = new Books();
  const peers = [...core.peers];
  const written = new Map(peers.map((peer) => [peer, peer.link.recount()]));
  let waiting = 0;
  let inFlight = 0;
  for (const queue of core.queues.values()) {
    const recounted = checkQueue(queue, written, books);
    waiting += recounted.waiting;
    inFlight += recounted.inFlight;
  }
  for (const [peer, toWrite] of written) {
    const recounted = checkPeer(peer, toWrite, books);
    waiting += recounted.waiting;
    inFlight += recounted.inFlight;
    // What is being written of a queue that has ended is the broker's to count.
    inFlight += sum(toWrite, (to) => isFor(to, (queue) => queue.isEnded));
  }
  const recounted: Recounted = { waiting, inFlight, heldBytes: bytesOfAll(chunksOf(core)) };
  const counters = { ...core.counters(), heldBytes: core.chunks.heldBytes };
  books.balance("the broker", counters);
  for (const name of ["waiting", "inFlight", "heldBytes"] as const) {
    books.compare(`the broker: ${name}`, counters[name], recounted[name]);
  }
  const subscriptions = peers.reduce((all, peer) => all + subscriptionsOf(peer), 0);
  books.compare("the broker: subscriptions", core.subscriptions, subscriptions);
  const pending = peers.reduce((all, peer) => all + peer.asked.size, 0);
  books.compare("the broker: pendingRequests", core.requests.pending, pending);
  const { problems } = books;
  return { ok: problems.length === 0, problems, counters, recounted, queues: core.queues.size, subscriptions };
}

/** Messages that a connection has yet to write, by whom they are for. */
type ToWrite = ReadonlyMap<Consumer, number>;

function checkQueue(
  queue: Queue,
  written: ReadonlyMap<Peer, ToWrite>,
  books: Books,
): { waiting: number; inFlight: number } {
  const what = `queue ${queue.name}`;
  const counts = queue.counts();
  const { waiting, inFlight: unsettled } = queue.recount();
  let inFlight = unsettled;
  // Members that do not acknowledge hold what their connections have yet to write, and that alone.
  for (const toWrite of written.values()) inFlight += sum(toWrite, (to) => isFor(to, (its) => its === queue));
  books.balance(what, counts);
  books.compare(`${what}: waiting`, counts.waiting, waiting);
  books.compare(`${what}: inFlight`, counts.inFlight, inFlight);
  return { waiting, inFlight };
}

/** Of what it returns, what a queue counts as well is left out. */
function checkPeer(peer: Peer, toWrite: ToWrite, books: Books): { waiting: number; inFlight: number } {
  const client = `client ${peer.number}`;
  const live = new Set<Consumer>();
  let waiting = 0;
  let inFlight = 0;
  for (const it of peer.ids.values()) {
    if (it.kind !== "member" && it.kind !== "subscription") continue;
    live.add(it);
    const what = `${client}, subscription ${it.sid}`;
    if (it.kind === "member") {
      books.balance(what, it.counters);
      const unsettled = it.queue.options.ack ? it.recount() : (toWrite.get(it) ?? 0);
      books.compare(`${what}: inFlight`, it.counters.inFlight, unsettled);
      continue;
    }
    const { outbox } = it;
    const { messages, bytes } = outbox.recount();
    books.balance(what, outbox.counts());
    books.compare(`${what}: waiting`, outbox.messages, messages);
    books.compare(`${what}: bytes that wait`, outbox.bytes, bytes);
    books.compare(`${what}: inFlight`, outbox.counters.inFlight, toWrite.get(it) ?? 0);
    waiting += messages;
    inFlight += toWrite.get(it) ?? 0;
  }
  // What is being written of subscriptions and memberships that are over is the connection's to count.
  const past = sum(toWrite, (to) => !live.has(to) && !(to instanceof Member));
  const pastShared = sum(toWrite, (to) => !live.has(to) && isFor(to, () => true));
  books.balance(client, countersOf(peer));
  books.compare(`${client}: subscriptions`, peer.subscriptions, subscriptionsOf(peer));
  books.compare(`${client}: inFlight of subscriptions that are over`, peer.past.inFlight, past);
  books.compare(`${client}: inFlight of memberships that are over`, peer.pastShared.inFlight, pastShared);
  return { waiting, inFlight: inFlight + past };
}

/** Whether it is a member that does not acknowledge, of such a queue. */
function isFor(to: Consumer, is: (queue: Queue) => boolean): boolean {
  return to instanceof Member && !to.queue.options.ack && is(to.queue);
}

function sum(toWrite: ToWrite, is: (to: Consumer) => boolean): number {
  let messages = 0;
  for (const [to, count] of toWrite) if (is(to)) messages += count;
  return messages;
}

/** Subscriptions, memberships and responders that it has. */
function subscriptionsOf(peer: Peer): number {
  let subscriptions = 0;
  for (const { kind } of peer.ids.values()) {
    if (kind === "subscription" || kind === "member" || kind === "responder") subscriptions++;
  }
  return subscriptions;
}

/** Every chunk that somebody keeps, some of them more than once. */
function* chunksOf(core: Core): Iterable<PooledChunk> {
  yield* core.retained.chunks();
  for (const queue of core.queues.values()) yield* queue.chunks();
  for (const peer of core.peers) {
    yield* peer.chunks();
    for (const live of peer.ids.values()) if (live.kind === "subscription") yield* live.outbox.chunks();
  }
}

/** What was found wrong. */
class Books {
  readonly problems: string[] = [];

  balance(what: string, { accepted, settled, inFlight, waiting, dropped, expired, dead }: Counts): void {
    const became = settled + inFlight + waiting + dropped + expired + dead;
    this.compare(`${what}: accepted against the sum of what became of it`, accepted, became);
  }

  compare(what: string, counted: number, recounted: number): void {
    if (counted === recounted || this.problems.length > MOST) return;
    const isLast = this.problems.length === MOST;
    this.problems.push(
      isLast ? "and more than these" : `${what}: the counter says ${counted}, and counting anew ${recounted}`,
    );
  }
}
