// The broker's heart: who is connected, who listens to what, what is due. Synchronous; the world comes in through CoreEnv and
// Transport, so that a whole broker runs in simulated time as well. It does nothing per message: that is ops/publish.ts.
//
//   transport ─► Peer ─► scanner ─► ops/publish ─► Route ─► Outbox of each receiver ─► Link ─► transport
//                                                           (touched: handed on at the end of the turn, in flush)

import { Frame, scanFrame } from "../../shared/codec/scan.ts";
import { FrameWriter } from "../../shared/codec/write.ts";
import { writeValue } from "../../shared/codec/value.ts";
import { Deadlines, type Timed } from "../../shared/deadlines.ts";
import type { WireCode } from "../../shared/errors.ts";
import { Op, OUTGOING_BYTES, PROTOCOL_VERSION } from "../../shared/protocol.ts";
import { AUTH_HMAC, AUTH_NONE, NONCE_BYTES } from "../../shared/proof.ts";
import { Access } from "./access.ts";
import { notAllowed } from "./allow.ts";
import { ChunkPool } from "./chunks.ts";
import { Counters } from "./counters.ts";
import { Durability } from "./durability.ts";
import { Events } from "./events.ts";
import { Flow } from "./flow.ts";
import { type Limited, noneLimited } from "./limits.ts";
import type { CoreEnv, CoreOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { overflow, Verdict } from "./overflow.ts";
import { Peer, type PeerCredentials, UNKNOWN_PEER } from "./peer.ts";
import { enforce } from "./enforce.ts";
import type { Rule } from "./rules.ts";
import type { Secrets } from "./secrets.ts";
import type { Member } from "./member.ts";
import { Queue } from "./queue.ts";
import { readQueueHeaders } from "./queue-headers.ts";
import { Pressure } from "./pressure.ts";
import { RefusalLog } from "./refusal-log.ts";
import { recover } from "./recovery.ts";
import { Requests } from "./requests.ts";
import type { Responder } from "./responder.ts";
import { Retained } from "./retained.ts";
import { type Route, Routes } from "./routes.ts";
import { Stalls } from "./stalls.ts";
import type { Subscription } from "./subscription.ts";
import type { Store } from "./store.ts";
import { type Stats, stats } from "./sys/stats.ts";
import type { Transport } from "./transport.ts";
import { Trie } from "./trie.ts";
import { Trim } from "./trim.ts";
import { Waits } from "./waits.ts";
import { Work } from "./work.ts";

/** Something that is to happen at a time. */
export interface Alarm {
  due(): void;
}

/** What comes in within a turn before it is handed on: as much as one read. */
const TURN_BYTES = 64 * 1024;
/** Connections beyond the limit that may still read why they are closed. Below what the open-files limit keeps for other things. */
const MAX_ENDING = 32;
const writer: FrameWriter = new FrameWriter(512);
const injected: Frame = new Frame();

export class Core {
  readonly options: CoreOptions;
  readonly env: CoreEnv;
  readonly startedMs: number;
  readonly chunks: ChunkPool = new ChunkPool();
  readonly deadlines: Deadlines<Alarm & Timed> = new Deadlines();
  /** Who receives messages, by pattern: subscriptions and queues. */
  readonly outboxes: Trie<Outbox> = new Trie();
  readonly responders: Trie<Responder> = new Trie();
  readonly routes: Routes = new Routes((route) => this.#resolve(route));
  readonly queues: Map<string, Queue> = new Map();
  readonly peers: Set<Peer> = new Set();
  /** Of these, in the order in which they came: those that have not said hello, and those that are being closed. */
  readonly #unopened = new Set<Peer>();
  readonly #ending = new Set<Peer>();
  readonly #refusals = new RefusalLog();
  readonly retained: Retained;
  readonly flow: Flow;
  readonly requests: Requests;
  readonly waits: Waits;
  readonly events: Events;
  readonly durability: Durability;
  /** The number of the next durable queue. */
  nextDurableQueue = 1;
  readonly stalls: Stalls;
  readonly access: Access;
  /** What clients must prove; undefined: nothing. */
  secrets: Secrets | undefined;
  readonly pressure: Pressure;
  readonly #trim: Trim;
  /** What may wait to be written to one connection: less where there are many and memory is small. */
  outgoingBytes: number = OUTGOING_BYTES;
  /** What became of the messages of clients and queues that are no more. */
  readonly past: Counters = new Counters();
  readonly #pastTraffic = { bytesIn: 0, bytesOut: 0, published: 0 };
  /** What all frames so far have cost, in the units of work.ts. */
  work = 0;
  subscriptions = 0;
  openClients = 0;
  /** Frames that were answered with an error. */
  refused = 0;
  /** Connections that were answered with an error before they were open. */
  refusedClients = 0;
  readonly limited: Limited = noneLimited();
  isClosing = false;
  /** The address as it is shown: `@name` or a path. */
  address: string;
  #clients = 0;
  #turnBytes = 0;
  #isFlushAsked = false;
  #isFlushing = false;
  #alarmMs = Number.POSITIVE_INFINITY;
  #dirty: Peer[] = [];
  #touched: Outbox[] = [];
  #evicted: { peer: Peer; message: string }[] = [];
  #distributed = new Set<Queue>();
  /** Those that have had their turn, and have frames left. */
  #interrupted: Peer[] = [];
  /** Durable queues that hold something of which the disk has not heard. */
  readonly #unheard = new Set<Queue>();

  /** @throws DamagedStore where what is in `store` is not what was written. */
  constructor(options: CoreOptions, env: CoreEnv, store?: Store) {
    this.options = options;
    this.env = env;
    this.address = options.address;
    this.startedMs = env.now();
    this.access = new Access(options.rules);
    this.secrets = options.secrets;
    this.retained = new Retained(this.chunks, options.maxRetained);
    this.flow = new Flow(this, options.headroom);
    this.requests = new Requests(this, this.deadlines);
    this.waits = new Waits(this, this.deadlines);
    this.events = new Events(this);
    this.stalls = new Stalls(this);
    this.pressure = new Pressure(this, options.memoryLimit);
    this.#trim = new Trim(this);
    this.durability = new Durability(this, store);
    if (store !== undefined) this.nextDurableQueue = recover(this, store);
  }

  nowMs(): number {
    return this.env.now();
  }

  /** A time of {@link nowMs} on the clock on the wall, which goes on while the broker does not run. */
  wallMs(atMs: number): number {
    return atMs - this.env.now() + this.env.wallNow();
  }

  fromWallMs(wallMs: number): number {
    return wallMs - this.env.wallNow() + this.env.now();
  }

  // ── Connections ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody connected. The broker speaks first: HELLO, or the ERR that it refuses with. */
  connect(transport: Transport, credentials: PeerCredentials | undefined): Peer {
    const peer = new Peer(this, transport, ++this.#clients, credentials ?? UNKNOWN_PEER, this.env.random(NONCE_BYTES));
    const { maxConnections, handshakeMs, allow } = this.options;
    const refusal = notAllowed(allow, credentials);
    const isFull = this.peers.size - this.#ending.size >= maxConnections;
    const isTooMany = refusal === undefined && isFull && !this.#makeRoom();
    this.peers.add(peer);
    this.#unopened.add(peer);
    this.outgoingBytes = this.pressure.outgoingBytes;
    transport.open(peer);
    if (refusal !== undefined) {
      peer.fail("not_allowed", refusal);
    } else if (isTooMany) {
      this.limited.maxConnections++;
      peer.fail(
        "limit",
        `${maxConnections} clients are connected, which is the limit (option maxConnections); close some`,
      );
    } else if (this.isClosing) {
      peer.fail("closing", "the broker is ending; try the next one");
    } else {
      this.#hello(peer);
      this.deadlines.set(peer, this.nowMs() + handshakeMs);
    }
    // Those that are given time to read why they were refused must not take all descriptors there are.
    for (const ending of this.#ending) {
      if (this.peers.size <= maxConnections + MAX_ENDING) break;
      ending.close("others need its place");
    }
    this.#setAlarm();
    return peer;
  }

  /** One that did not say hello yet makes room, the oldest first: whoever only connects keeps nobody out. False where there is none. */
  #makeRoom(): boolean {
    const [oldest] = this.#unopened;
    if (oldest === undefined) return false;
    const { maxConnections } = this.options;
    this.limited.maxConnections++;
    oldest.fail("limit", `${maxConnections} clients are connected (option maxConnections), and you said no HELLO yet`);
    return true;
  }

  /** `peer` is about to be closed, and has a little time to read why. */
  ending(peer: Peer): void {
    this.#unopened.delete(peer);
    if (this.peers.has(peer)) this.#ending.add(peer);
  }

  #hello(peer: Peer): void {
    const { brokerId, maxFrame, heartbeatMs, stallMs } = this.options;
    writer.reset().frame(3, Op.HELLO).int(PROTOCOL_VERSION);
    const client = peer.number;
    const auth = this.secrets === undefined ? AUTH_NONE : AUTH_HMAC;
    writeValue(writer, { broker: brokerId, auth, nonce: peer.nonce, maxFrame, heartbeatMs, stallMs, client });
    peer.answer(writer);
  }

  /** The handshake of `peer` is done. */
  opened(peer: Peer): void {
    this.openClients++;
    this.#unopened.delete(peer);
    this.deadlines.set(peer, this.nowMs() + this.options.heartbeatMs);
    peer.role = this.access.roleOf(peer.subject);
    this.env.log("debug", this.#about(peer), "client connected");
    this.events.connected(peer);
  }

  /** `peer` is closed with an error. */
  failed(peer: Peer, code: WireCode, message: string, wasOpen: boolean): void {
    const fields = { ...this.#about(peer), code };
    if (!wasOpen) {
      if (this.#refusals.tells(this.nowMs())) {
        const alsoRefused = this.#refusals.untold();
        this.env.log("warn", alsoRefused > 0 ? { ...fields, alsoRefused } : fields, `client refused: ${message}`);
      }
      this.refusedClients++;
      return this.neverOpened(peer, code);
    }
    this.env.log("warn", fields, `client closed: ${message}`);
    this.openClients--;
    if (code === "limit" || code === "stalled") this.events.evicted(peer, code);
    this.events.disconnected(peer, code);
  }

  /** For the log: as much as can be told of who it is. */
  #about(peer: Peer): Record<string, unknown> {
    const { number: client, name, identity, credentials, container } = peer;
    return { client, name, identity, ...credentials, container: container?.id };
  }

  /** `peer` ends without ever having opened: by itself where there is no code. */
  neverOpened(peer: Peer, code: WireCode | undefined): void {
    this.env.neverOpened(peer.credentials);
    this.events.refused(peer, code);
  }

  /** `peer` said BYE, and there is nothing left to do for it. */
  left(peer: Peer): void {
    this.openClients--;
    this.env.log("debug", { client: peer.number }, "client left");
    this.events.disconnected(peer, "bye");
  }

  /** The connection of `peer` is no more. */
  gone(peer: Peer, reason: string, wasOpen: boolean): void {
    if (!this.peers.delete(peer)) return;
    this.#unopened.delete(peer);
    this.#ending.delete(peer);
    this.outgoingBytes = this.pressure.outgoingBytes;
    this.past.add(peer.past);
    this.#pastTraffic.bytesIn += peer.bytesIn;
    this.#pastTraffic.bytesOut += peer.link.bytesOut;
    this.#pastTraffic.published += peer.published;
    if (!wasOpen) return;
    this.openClients--;
    this.env.log("debug", { client: peer.number, reason }, "client disconnected");
    this.events.disconnected(peer, reason);
  }

  /** Takes from `peer` all that it subscribed to, asked and waits for. */
  release(peer: Peer): void {
    this.flow.forget(peer);
    this.requests.forget(peer);
    let removed = 0;
    for (const live of peer.ids.values()) {
      if (live.kind === "wait") this.waits.cancel(live);
      if (live.kind !== "subscription" && live.kind !== "member" && live.kind !== "responder") continue;
      this.remove(live);
      removed++;
    }
    peer.ids.clear();
    if (removed > 0) this.subscriptionsChanged(-removed);
  }

  // ── Who listens ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a subscription, a membership or a responder out. */
  remove(live: Subscription | Member | Responder): void {
    live.peer.subscriptions--;
    if (live.kind === "responder") {
      this.responders.remove(live.pattern, live);
    } else if (live.kind === "subscription") {
      this.outboxes.remove(live.pattern, live.outbox);
      live.end();
    } else {
      live.end();
      this.#leave(live);
    }
  }

  /** An unsubscribed member has settled the last of what it held. */
  retired(member: Member): void {
    member.peer.ids.delete(member.sid);
    this.remove(member);
    this.subscriptionsChanged(-1);
    member.peer.checkDone();
  }

  #leave(member: Member): void {
    const { queue } = member;
    queue.leave(member);
    if (queue.members.length === 0 && !queue.options.keep) this.endQueue(queue);
  }

  /** Takes all members out of `queue`, and tells them why. What they held goes back as it came. */
  dismiss(queue: Queue, code: WireCode, message: string): void {
    const members = [...queue.members];
    for (const member of members) {
      const { peer, sid } = member;
      peer.ids.delete(sid);
      peer.link.forget(sid);
      member.dismiss();
      queue.leave(member);
      peer.subscriptions--;
      peer.error(sid, code, message);
      peer.checkDone();
    }
    this.subscriptionsChanged(-members.length);
  }

  /** `queue` is no more. Returns how many of its messages are dropped by that. */
  endQueue(queue: Queue): number {
    this.queues.delete(queue.name);
    this.#distributed.delete(queue);
    this.#unheard.delete(queue);
    this.outboxes.remove(queue.pattern, queue.outbox);
    const dropped = queue.end();
    const level = dropped > 0 ? "warn" : "debug";
    this.env.log(level, { queue: queue.name, dropped }, "a queue ended");
    this.events.queueEnded(queue.name, dropped);
    return dropped;
  }

  /** `by` subscriptions, members or responders came, or went where it is below 0. */
  subscriptionsChanged(by: number): void {
    this.work += Work.SUBSCRIBE;
    this.subscriptions += by;
    this.routes.changed();
    if (by > 0) this.waits.check();
  }

  /** Who receives what is published to `topic`, and who responds to it. Off the hot path. */
  match(topic: string): { outboxes: Outbox[]; responders: Responder[] } {
    return { outboxes: this.outboxes.match(topic, []), responders: this.responders.match(topic, []) };
  }

  /** Every outbox there is: of subscriptions and of queues. */
  *allOutboxes(): Iterable<Outbox> {
    for (const queue of this.queues.values()) yield queue.outbox;
    for (const peer of this.peers) {
      for (const live of peer.ids.values()) if (live.kind === "subscription") yield live.outbox;
    }
  }

  /** The memory limit has changed. */
  limitMemory(bytes: number): void {
    this.pressure.limitBytes = bytes;
    this.outgoingBytes = this.pressure.outgoingBytes;
    this.pressure.check();
  }

  /** These rules are in force from now on, also for what clients have subscribed to. */
  replaceRules(rules: readonly Rule[]): void {
    this.access.replace(rules);
    this.routes.changed();
    for (const peer of this.peers) if (peer.opened) enforce(this, peer);
  }

  /** These secrets are what counts from now on. Who proved one that is no more is closed. */
  replaceSecrets(secrets: Secrets): void {
    this.secrets = secrets;
    for (const peer of this.peers) {
      if (!peer.opened || peer.proved === undefined || secrets.hasStill(peer.proved)) continue;
      peer.fail("bad_auth", "the secret that this client proved is none any more; prove one that is");
    }
  }

  isQueue(outbox: Outbox): boolean {
    return outbox.owner instanceof Queue;
  }

  #resolve(route: Route): void {
    const before = this.outboxes.visits + this.responders.visits;
    const { outboxes, responders } = this.match(route.topic);
    const visits = this.outboxes.visits + this.responders.visits - before;
    this.work += visits * Work.VISIT + outboxes.length * Work.MATCH;
    route.outboxes = outboxes;
    route.responders = responders;
    if (route.rulesVersion === this.access.version) return;
    route.verdicts = this.access.newVerdicts();
    route.rulesVersion = this.access.version;
  }

  // ── The turn ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publishes a frame of the broker's own. Where `isLossy` one that is full loses it, by its policy; else it is taken beyond
   * the limit.
   */
  inject(topic: string, frames: FrameWriter, isLossy: boolean): void {
    const { outboxes } = this.match(topic);
    if (outboxes.length === 0) return;
    const end = frames.length;
    const chunk = this.chunks.takeExactly(end);
    frames.buf.copy(chunk.buf, 0, 0, end);
    scanFrame(chunk.buf, 0, end, end, injected);
    const headers = readQueueHeaders(chunk.buf, injected);
    for (const outbox of outboxes) {
      const isFull = outbox.full && (isLossy || outbox.overflow === "latest");
      if (isFull && overflow(this, undefined, topic, outbox, chunk, 0, end) !== Verdict.ADD) continue;
      outbox.owner.take(chunk, 0, end, headers);
    }
    chunk.release();
  }

  /** Something was put into `outbox` this turn. */
  touched(outbox: Outbox): void {
    this.#touched.push(outbox);
    this.#askFlush();
  }

  /** `peer` is to be written to at the end of the turn. */
  dirty(peer: Peer): void {
    if (peer.isDirty) return;
    peer.isDirty = true;
    this.#dirty.push(peer);
    this.#askFlush();
  }

  /** What waits in `queue` is to be handed out at the end of the turn. */
  distribute(queue: Queue): void {
    this.#distributed.add(queue);
    this.#askFlush();
  }

  /**
   * `peer` is to be closed with `limit`. At the end of the turn: a publish that is under way must not have the receivers that it
   * still goes to end under it.
   */
  evict(peer: Peer, message: string): void {
    this.#evicted.push({ peer, message });
    this.#askFlush();
  }

  /** `peer` has had its turn: it goes on once the others have had theirs. */
  interrupted(peer: Peer): void {
    if (this.#interrupted.push(peer) === 1) this.env.nextTurn();
  }

  /** Those that were interrupted go on. Asked for by {@link CoreEnv.nextTurn}. */
  goOn(): void {
    for (const peer of this.#interrupted.splice(0)) peer.goOn();
  }

  /** `bytes` came in and were acted upon. Much is handed on at once, so that it does not pile up within a turn. */
  arrived(bytes: number): void {
    this.#turnBytes += bytes;
    if (this.#turnBytes >= TURN_BYTES) this.flush();
    this.#setAlarm();
  }

  /** Ends a turn: hands on what came in, one gathered write for each connection. */
  flush(): void {
    this.#isFlushAsked = false;
    this.#turnBytes = 0;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    do {
      if (this.#evicted.length > 0)
        for (const { peer, message } of this.#evicted.splice(0)) peer.fail("limit", message);
      this.persist();
      for (const queue of this.#distributed) {
        queue.outbox.touched = false; // what comes from here on is told anew
        queue.supply.run();
      }
      const peers = this.#dirty;
      this.#dirty = [];
      for (const peer of peers) peer.pump();
      // A member that has written at once can take more.
      for (const queue of this.#distributed) if (!queue.supply.isPossible) this.#distributed.delete(queue);
    } while (this.#dirty.length > 0 || this.#distributed.size > 0 || this.#evicted.length > 0);
    const touched = this.#touched;
    this.#touched = [];
    for (const outbox of touched) {
      outbox.touched = false;
      outbox.trim();
      if (outbox.messages > 0) outbox.compact();
    }
    this.#isFlushing = false;
    this.pressure.check();
    this.#trim.check();
    this.durability.begin();
    this.#setAlarm();
  }

  /** Something came to `queue`, a durable one, of which the disk has not heard. */
  persistLater(queue: Queue): void {
    this.#unheard.add(queue);
  }

  /** Gathers what came for the disk. Before any write begins: what belongs together is written together. */
  persist(): void {
    for (const queue of this.#unheard) {
      queue.outbox.touched = false;
      queue.persist();
    }
    this.#unheard.clear();
  }

  /** The time that was asked for has come. */
  alarm(): void {
    this.#alarmMs = Number.POSITIVE_INFINITY;
    const now = this.nowMs();
    for (let item = this.deadlines.due(now); item !== undefined; item = this.deadlines.due(now)) item.due();
    this.#setAlarm();
  }

  #askFlush(): void {
    if (this.#isFlushAsked || this.#isFlushing) return;
    this.#isFlushAsked = true;
    this.env.scheduleFlush();
  }

  #setAlarm(): void {
    const next = this.deadlines.next();
    // One that comes too early finds nothing due and asks again: cheaper than moving it with each deadline.
    if (next >= this.#alarmMs) return;
    this.#alarmMs = next;
    this.env.setAlarm(next);
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Says BYE to everybody. What waits is delivered as clients take it; nobody new is let in. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    let waiting = 0;
    for (const queue of this.queues.values()) if (!queue.options.durable) waiting += queue.counts().waiting;
    this.events.closing(waiting);
    if (waiting > 0)
      this.env.log("warn", { waiting }, "what waits in queues that are not durable is lost unless it is taken now");
    this.flush();
    for (const peer of this.peers) {
      if (peer.opened) peer.answer(writer.reset().frame(2, Op.BYE).str("the broker is ending"));
      else peer.fail("closing", "the broker is ending; try the next one");
    }
    this.flush();
  }

  /** Whether nothing waits any more outside durable queues, and nothing is in flight. */
  get isIdle(): boolean {
    const { waiting, inFlight } = this.counters();
    let safe = 0;
    for (const queue of this.queues.values()) if (queue.options.durable) safe += queue.counts().waiting;
    return waiting === safe && inFlight === 0 && this.requests.pending === 0 && this.durability.isClean;
  }

  /** Ends every connection at once. */
  destroy(): void {
    for (const peer of this.peers) peer.close("the broker has ended");
  }

  // ── The books ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What became of every message there was: accepted = settled + inFlight + waiting + dropped + expired + dead. */
  counters(): Counters {
    const sum = new Counters().add(this.past);
    for (const peer of this.peers) {
      sum.add(peer.past);
      for (const live of peer.ids.values()) {
        if (live.kind === "subscription") live.outbox.addTo(sum);
      }
    }
    for (const queue of this.queues.values()) queue.outbox.addTo(sum);
    return sum;
  }

  traffic(): { bytesIn: number; bytesOut: number; published: number } {
    const sum = { ...this.#pastTraffic };
    for (const peer of this.peers) {
      sum.bytesIn += peer.bytesIn;
      sum.bytesOut += peer.link.bytesOut;
      sum.published += peer.published;
    }
    return sum;
  }

  stats(): Stats {
    return stats(this);
  }
}
