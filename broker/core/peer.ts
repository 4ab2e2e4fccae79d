// One connection, from the broker's side: what state it is in, what it has subscribed to and asked, how it ends. Turns the chunks
// that its transport reads into frames and hands each to the file of its op. It must not know what kind of transport that is.
//
//   hello ──► open ──► leaving (the client said BYE) ──┐
//     │        │                                       ├──► closed
//     └────────┴──► ending (an ERR that closes) ───────┘

import { Frame, Scan } from "../../shared/codec/scan.ts";
import { writeValue } from "../../shared/codec/value.ts";
import { FrameWriter } from "../../shared/codec/write.ts";
import { Intake } from "../../shared/codec/intake.ts";
import type { Timed } from "../../shared/deadlines.ts";
import type { WireCode } from "../../shared/errors.ts";
import {
  CLOSE_WAIT_MS,
  MAX_HELLO_BYTES,
  MAX_ID,
  MAX_UNREAD_ANSWER_BYTES,
  Op,
  ReplyStatus,
} from "../../shared/protocol.ts";
import { UNMAPPED_ID } from "../../shared/unmapped.ts";
import type { PooledChunk } from "./chunks.ts";
import type { Alarm, Core } from "./core.ts";
import { Counters } from "./counters.ts";
import { NOBODY } from "./access.ts";
import { badFrame, Failure } from "./failure.ts";
import { Link } from "./link.ts";
import { CANCELLED, type Live } from "./live.ts";
import { OPS } from "./ops/index.ts";
import { publish } from "./ops/publish.ts";
import { publishAlike } from "./ops/publish-run.ts";
import type { Outbox } from "./outbox.ts";
import type { Queue } from "./queue.ts";
import type { Call } from "./requests.ts";
import type { Role } from "./role.ts";
import type { Subject } from "./rules.ts";
import type { Proved } from "./secrets.ts";
import type { Transport, TransportSink } from "./transport.ts";
import { WORK_A_TURN } from "./work.ts";

/** What the kernel says of who connected. */
export interface PeerCredentials {
  readonly uid: number;
  readonly gid: number;
  /** 0 where it is of another pid namespace. */
  readonly pid: number;
}

/** What stands for it where the system does not tell. */
export const UNKNOWN_PEER: PeerCredentials = { uid: UNMAPPED_ID, gid: UNMAPPED_ID, pid: 0 };

/** What can be seen of the container that a client runs in. */
export interface PeerContainer {
  readonly id: string;
  readonly runtime: string | undefined;
  /** The uid of its Kubernetes pod. */
  readonly pod: string | undefined;
}

type State = "hello" | "open" | "leaving" | "ending" | "closed";

/** Cancelled ids that are remembered of a client that never sends SYNC. */
const MAX_CANCELLED = 4096;

const writer: FrameWriter = new FrameWriter(512);
/** What is repeated of a topic may be as long as a frame: beyond this it is not written by the writer that stays. */
const MAX_USUAL_TOPIC = 1024;
const frame: Frame = new Frame();
/** Where bytes go that nobody will look at. */
const discarded: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

export class Peer implements TransportSink, Timed, Alarm {
  readonly number: number;
  readonly credentials: PeerCredentials;
  readonly nonce: Buffer;
  readonly link: Link;
  readonly connectedMs: number;
  /** Subscriptions, requests and waits by the number that the client gave them. */
  readonly ids: Map<number, Live> = new Map();
  /** Requests that this connection was asked, by the broker's number. */
  readonly asked: Map<number, Call> = new Map();
  /** Queues that it is a member of. */
  readonly queues: Set<Queue> = new Set();
  /** Its topics in XOFF, and the full outboxes that each leads to. */
  readonly off: Map<string, Set<Outbox>> = new Map();
  /** How many outboxes these are, each as often as a topic leads to it. */
  offHolders = 0;
  /** Bytes that it sent to topics in XOFF since it last had none. */
  offBytes = 0;
  subscriptions = 0;
  /** Requests and waits of its own that are not answered yet. */
  requests = 0;
  published = 0;
  /** Deliveries that its publishes led to since its last SYNC. */
  delivered = 0;
  bytesIn = 0;
  name: string | undefined;
  /** The secret by which it was let in; undefined where none is asked for. */
  proved: Proved | undefined;
  /** Which rules are for it. */
  role: Role = NOBODY;
  lastHeardMs: number;
  /** What became of the messages of subscriptions that it no longer has. */
  readonly past: Counters = new Counters();
  /** The same of its memberships of queues, which the queues count as well. */
  readonly pastShared: Counters = new Counters();
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;
  /** Whether it is among those that are to be written to at the end of the turn. */
  isDirty = false;
  readonly #core: Core;
  readonly #transport: Transport;
  readonly #intake: Intake;
  #state: State = "hello";
  #pausedFor = new Set<"flow" | "answers" | "turn">();
  /** Whether frames that have come wait for its next turn. */
  #isInterrupted = false;
  /** Its stream has ended meanwhile. */
  #endReason: string | undefined;
  /** The last change of what is to be on disk before the read that is acted upon, and the last of its own. */
  #readVersion = 0;
  #ownVersion = 0;
  #container: PeerContainer | undefined;
  #isContainerKnown = false;
  #nextAsked = 1;
  #cancelled: number[] = [];

  constructor(core: Core, transport: Transport, number: number, credentials: PeerCredentials, nonce: Buffer) {
    this.#core = core;
    this.#transport = transport;
    this.number = number;
    this.credentials = credentials;
    this.nonce = nonce;
    this.link = new Link(core, transport);
    this.#intake = new Intake(core.chunks, MAX_HELLO_BYTES);
    this.connectedMs = this.lastHeardMs = core.nowMs();
  }

  /** Its name, where it proved that by a secret of its own. */
  get identity(): string | undefined {
    return this.proved?.identity;
  }

  /** Whom rules are about. */
  get subject(): Subject {
    const { uid, gid } = this.credentials;
    return { identity: this.identity, uid, gid };
  }

  /** Looked up when it is first asked for, and kept: a pid is another's before long. */
  get container(): PeerContainer | undefined {
    const { pid } = this.credentials;
    if (pid > 0 && !this.#isContainerKnown) this.#container = this.#core.env.containerOf(pid);
    this.#isContainerKnown = true;
    return this.#container;
  }

  get closed(): boolean {
    return this.#state === "closed" || this.#state === "ending";
  }

  /** Whether it said BYE: it gets no new requests and no new messages of queues. */
  get leaving(): boolean {
    return this.#state === "leaving" || this.closed;
  }

  get opened(): boolean {
    return this.#state === "open" || this.#state === "leaving";
  }

  /** Whether the broker has stopped reading from it. */
  get paused(): boolean {
    return this.#pausedFor.size > 0;
  }

  /** Changes with every byte that it sends, or makes room for by reading. */
  get signsOfLife(): number {
    return this.bytesIn + this.link.takenLate;
  }

  /** The chunks that it keeps, some of them more than once, but for those of its subscriptions: for checks of the books. */
  *chunks(): Iterable<PooledChunk> {
    const reading = this.#intake.chunk as PooledChunk | undefined;
    if (reading !== undefined) yield reading;
    yield* this.link.chunks();
  }

  /** Bytes that it makes the broker keep: what it sent in part, and what it does not read. */
  get heldBytes(): number {
    return this.#intake.pendingBytes + this.link.heldBytes;
  }

  // ── What the transport calls ──────────────────────────────────────────────────────────────────────────────────────

  room(): Buffer {
    return this.closed ? discarded : this.#intake.room();
  }

  filled(bytes: number): void {
    if (this.closed) return;
    this.bytesIn += bytes;
    this.lastHeardMs = this.#core.chunks.turnMs = this.#core.nowMs();
    this.#intake.filled(bytes);
    if (this.#isInterrupted) return;
    this.#act();
    this.#core.arrived(bytes);
  }

  /** Its turn has come again. */
  goOn(): void {
    if (!this.#isInterrupted) return;
    this.#isInterrupted = false;
    this.#act();
    if (this.#isInterrupted) return;
    this.setPaused("turn", false);
    if (this.#endReason === undefined) this.checkDone();
    else this.close(this.#endReason);
  }

  /** Acts upon the frames that are there, until they have cost too much for one turn. */
  #act(): void {
    this.#readVersion = this.#core.durability.version;
    try {
      this.#read();
    } catch (error) {
      this.#stumble(error);
    }
    this.changesUpTo();
  }

  #interrupt(): void {
    this.#isInterrupted = true;
    this.setPaused("turn", true);
    this.#core.interrupted(this);
  }

  /** The last change on disk, or on its way there, that came of what it sent: others' are none of its business. */
  changesUpTo(): number {
    const { durability } = this.#core;
    this.#core.persist();
    if (durability.version !== this.#readVersion) this.#ownVersion = durability.version;
    return this.#ownVersion;
  }

  /** The disk's last change counts as its own: what it says next may depend on that. */
  dependsOnDisk(): void {
    this.#ownVersion = this.#core.durability.version;
  }

  written(): void {
    this.link.written();
    if (this.#state === "ending") {
      this.link.flush();
      if (this.link.idle) this.#transport.end();
      return;
    }
    for (const queue of this.queues) if (queue.supply.hasWaiting) this.#core.distribute(queue);
    this.#core.dirty(this);
    this.#core.flush();
  }

  /** Writes what there is to write, at the end of a turn. */
  pump(): void {
    this.isDirty = false;
    this.link.pump();
    if (this.#pausedFor.has("answers") && this.link.answerBytes * 2 <= MAX_UNREAD_ANSWER_BYTES) {
      this.setPaused("answers", false);
    }
    this.checkDone();
  }

  ended(reason: string): void {
    // What came before is acted upon, to the last frame.
    if (this.#isInterrupted) this.#endReason = reason;
    else this.close(reason);
  }

  // ── What comes in ─────────────────────────────────────────────────────────────────────────────────────────────────

  #read(): void {
    const intake = this.#intake;
    const core = this.#core;
    const mostWork = core.work + WORK_A_TURN;
    for (;;) {
      if (core.work > mostWork) return this.#interrupt();
      const scan = intake.next(frame);
      if (scan !== Scan.FRAME) {
        if (scan !== Scan.MORE) this.#refuseFrame(scan);
        return;
      }
      const chunk = intake.chunk as PooledChunk;
      if (this.#state === "hello") {
        this.#opening(chunk);
      } else if (frame.op === Op.PUB) {
        const route = publish(core, this, frame, chunk, false);
        if (route !== undefined && !this.closed) {
          intake.passTo(publishAlike(core, this, frame, route, chunk, intake.filledTo, mostWork));
        }
      } else {
        const op = OPS[frame.op];
        if (op === undefined) throw badFrame(`op ${frame.op} is not one that a client sends`);
        op(core, this, frame, chunk);
      }
      if (this.closed) return;
    }
  }

  #opening(chunk: PooledChunk): void {
    const hello = OPS[Op.HELLO]!;
    if (frame.op !== Op.HELLO) throw new Failure("bad_hello", `the first frame must be HELLO, not op ${frame.op}`);
    hello(this.#core, this, frame, chunk);
    if (this.#state === "hello") return;
    this.#intake.maxFrameBytes = this.#core.options.maxFrame;
  }

  #refuseFrame(scan: Scan): void {
    const isHello = this.#state === "hello";
    if (scan === Scan.TOO_LARGE && !(isHello && this.#intake.firstOp() > Op.HELLO)) {
      const limit = this.#intake.maxFrameBytes;
      if (isHello) throw new Failure("too_large", `a HELLO may have ${limit} bytes at the most; send a shorter one`);
      this.#core.limited.maxFrame++;
      throw new Failure(
        "too_large",
        `a frame may have ${limit} bytes at the most (option maxFrame); send less at a time`,
      );
    }
    if (isHello)
      throw new Failure("bad_hello", "the first frame must be a HELLO of podbus 1, a msgpack array of scalars");
    throw badFrame("a frame must be a msgpack array of 1 to 64 scalars, the op first, and hold no array or map");
  }

  #stumble(error: unknown): void {
    if (error instanceof Failure) return this.fail(error.code, error.message);
    this.#core.env.log(
      "error",
      { client: this.number, error },
      "a frame could not be handled; its connection is closed",
    );
    this.fail("unavailable", "the broker failed to handle a frame; this is a bug of the broker, please report it");
  }

  /** The handshake is done. */
  open(): void {
    this.#state = "open";
    this.#core.opened(this);
  }

  /** The client said BYE. */
  leave(): void {
    if (this.#state !== "open") return;
    this.#state = "leaving";
    let left = 0;
    for (const [number, live] of this.ids) {
      if (live.kind === "subscription") live.hold(false);
      // It would only stand in the way: a queue whose last member takes nothing more must not hold up its publishers.
      if (live.kind !== "responder" && (live.kind !== "member" || !live.retire())) continue;
      this.ids.delete(number);
      this.#core.remove(live);
      left++;
    }
    if (left > 0) this.#core.subscriptionsChanged(-left);
    this.#core.dirty(this);
  }

  /** Closes a connection that is leaving, once there is nothing left to do for it. */
  checkDone(): void {
    if (this.#state !== "leaving" || this.#isInterrupted || this.asked.size > 0 || !this.link.idle) return;
    for (const live of this.ids.values()) {
      if (live.kind === "call" || live.kind === "wait" || live.kind === "syncing") return;
      if (live.kind === "subscription" && !live.outbox.empty) return;
      if (live.kind === "member" && live.unsettledMessages > 0) return;
    }
    this.#core.release(this);
    this.#core.left(this);
    this.#end();
  }

  // ── What goes out ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends frames of the broker's own. */
  answer(frames: FrameWriter): void {
    if (this.closed) return;
    this.link.control(frames);
    this.#core.dirty(this);
    this.checkUnread();
  }

  /** Answers with an error that leaves the connection open. */
  error(ref: number | undefined, code: WireCode, message: string, topic?: string): void {
    if (this.closed) return;
    this.answer(errorFrame(ref, code, message, topic));
    this.#core.refused++;
  }

  /** The broker's own answer to a request. */
  replyValue(id: number, value: unknown): void {
    writer.reset().frame(4, Op.REPLY).int(id).int(ReplyStatus.LAST);
    writeValue(writer, value);
    this.answer(writer);
  }

  /** The broker's own refusal of a request to one of its topics. */
  replyError(id: number, message: string, code: string): void {
    writer.reset().frame(4, Op.REPLY).int(id).int(ReplyStatus.ERROR);
    writeValue(writer, { message, code });
    this.answer(writer);
  }

  /** Stops reading from a connection that leaves too many answers unread. */
  checkUnread(): void {
    if (this.link.answerBytes > MAX_UNREAD_ANSWER_BYTES) this.setPaused("answers", true);
  }

  setPaused(why: "flow" | "answers" | "turn", paused: boolean): void {
    if (this.#state === "closed" || this.#state === "ending") return;
    const was = this.paused;
    if (paused) this.#pausedFor.add(why);
    else this.#pausedFor.delete(why);
    if (this.paused === was) return;
    if (this.paused) this.#transport.pause();
    else this.#transport.resume();
  }

  // ── Numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A number under which this connection is asked something. Unique among those under way. */
  nextAskedId(): number {
    do {
      this.#nextAsked = this.#nextAsked === MAX_ID ? 1 : this.#nextAsked + 1;
    } while (this.asked.has(this.#nextAsked));
    return this.#nextAsked;
  }

  /** The client cancelled the request `id`; its number stays taken until the next SYNC. */
  cancelled(id: number): void {
    this.ids.set(id, CANCELLED);
    this.#cancelled.push(id);
    if (this.#cancelled.length > MAX_CANCELLED) this.forgetCancelled();
  }

  forgetCancelled(): void {
    for (const id of this.#cancelled) this.ids.delete(id);
    this.#cancelled = [];
  }

  /** A number that the client wants to use must not stand for anything. */
  needFree(number: number, name: string): void {
    if (this.ids.has(number)) throw badFrame(`${name} ${number} is in use on this connection; take another number`);
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Its deadline has come: for the handshake, the heartbeat, or the end of an ERR that closes. */
  due(): void {
    const core = this.#core;
    if (this.#state === "hello") {
      core.limited.handshakeMs++;
      this.fail("bad_hello", `no HELLO came within ${core.options.handshakeMs} ms (option handshakeMs)`);
    } else if (this.#state === "ending") {
      this.close("the connection was not ended by the peer");
    } else if (this.#state !== "closed") {
      const dueMs = this.lastHeardMs + core.options.heartbeatMs;
      if (dueMs > core.nowMs()) return core.deadlines.set(this, dueMs);
      if (this.link.idle) this.answer(writer.reset().frame(1, Op.PING));
      core.deadlines.set(this, core.nowMs() + core.options.heartbeatMs);
    }
  }

  /** Closes with an error, which is written first. */
  fail(code: WireCode, message: string): void {
    if (this.closed) return;
    const wasOpen = this.opened;
    this.link.retract();
    this.#state = "ending"; // nothing that release ends may find that a client which said BYE is done
    this.#core.release(this);
    this.link.control(errorFrame(undefined, code, message));
    this.#core.failed(this, code, message, wasOpen);
    this.#end();
  }

  /** Nothing more is to be done for it: ends the stream behind what was written, and waits a little for the peer to end its own. */
  #end(): void {
    this.#state = "ending";
    this.#core.ending(this);
    this.#intake.close();
    if (this.paused) this.#transport.resume(); // to see its end
    this.link.flush();
    if (this.link.idle) this.#transport.end();
    this.#core.deadlines.set(this, this.#core.nowMs() + CLOSE_WAIT_MS);
  }

  /** The stream has ended, or ends now whatever is unwritten. */
  close(reason: string): void {
    if (this.#state === "closed") return;
    const wasOpen = this.opened;
    const wasEnding = this.#state === "ending";
    this.link.flush();
    this.#state = "closed";
    this.link.close();
    if (!wasEnding) {
      this.#intake.close();
      this.#core.release(this);
      if (!wasOpen) this.#core.neverOpened(this, undefined);
    }
    this.#core.deadlines.delete(this);
    this.#transport.destroy();
    this.#core.gone(this, reason, wasOpen);
  }
}

/** `ref` is the id or the sid that it answers: they are of one number space, so one element says which. */
function errorFrame(ref: number | undefined, code: WireCode, message: string, topic?: string): FrameWriter {
  const w = topic !== undefined && topic.length > MAX_USUAL_TOPIC ? new FrameWriter() : writer.reset();
  w.frame(topic === undefined ? 4 : 5, Op.ERR);
  if (ref === undefined) w.nil();
  else w.int(ref);
  w.str(code).str(message);
  return topic === undefined ? w : w.str(topic);
}
