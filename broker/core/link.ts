// The outgoing side of one connection: what is to be written next, in order, and what is being written. Control frames and
// small ranges are copied into a scratch chunk, larger ranges stay where they are; a turn's worth goes out as one gathered write.
//
//   pending:   | OK | FOR 7 | ▓▓▓ range of a chunk ▓▓▓ | XOFF | FOR 9 | ▓▓ |      → flush() → transport.write([...])
//
// Knows nothing of topics, queues or ops other than FOR and GAP. Cost: one part per run of messages, none per message.

import { Op } from "../../shared/protocol.ts";
import { FrameWriter } from "../../shared/codec/write.ts";
import type { ChunkPool, PooledChunk } from "./chunks.ts";
import { countFrames, frameEnd } from "./frames.ts";
import type { Outbox, RangeSink } from "./outbox.ts";
import type { Run } from "./run.ts";
import type { Transport } from "./transport.ts";

/** Who deliveries are for: a subscription of this connection, by its sid. */
export interface Consumer {
  readonly sid: number;
  /** Which attempt the next message is; 1 is the first. */
  readonly attempt: number;
  /** The number of the next message; 0 where they are not numbered. */
  readonly nextSeq: number;
  /** A range of its messages was handed to the connection. */
  handed(chunk: PooledChunk, start: number, end: number, count: number, order: number): void;
  /** `count` of its messages were written, the first of them the `order`-th that was taken. */
  written(count: number, order: number): void;
  /** The peer has these already, of a write that is under way: {@link written} follows, or not before the broker's end. */
  takenEarly(count: number, order: number): void;
  /** The connection ended before these were written. Called for the last range first. */
  unwritten(chunk: PooledChunk, start: number, end: number, count: number, order: number): void;
  /** The connection ended before it was told that `lost` messages were dropped. */
  untold(lost: number): void;
}

/** Something of this connection's that may have messages waiting for it. */
export interface Source {
  /** Hands over what there is, as long as the link has {@link Link.room}. */
  supply(): void;
}

interface Part {
  readonly chunk: PooledChunk;
  readonly start: number;
  end: number;
  readonly to: Consumer | undefined;
  count: number;
  readonly order: number;
  /** Whom it tells of how many that were lost, where it is a GAP. */
  readonly gap: Gap | undefined;
}

interface Gap {
  readonly to: Consumer;
  readonly lost: number;
}

/** Ranges up to this are copied, so that a write has few parts: a copy of 2 KiB costs about what a part does. */
const COPY_BYTES = 2048;
const FIRST_SCRATCH_BYTES = 1024;
const SCRATCH_BYTES = 64 * 1024;
const writer: FrameWriter = new FrameWriter(256);

/** What a link needs of the broker. */
interface LinkWorld {
  readonly chunks: ChunkPool;
  /** What may wait to be written to one connection. */
  readonly outgoingBytes: number;
}

export class Link implements RangeSink {
  readonly #world: LinkWorld;
  readonly #pool: ChunkPool;
  readonly #transport: Transport;
  #scratch: PooledChunk | undefined;
  #scratchUsed = 0;
  /** Small until that has once been too little. */
  #scratchBytes = FIRST_SCRATCH_BYTES;
  #pending: Part[] = [];
  #writing: Part[] | undefined;
  #consumer: Consumer | undefined;
  /** The context that the peer has: 0 where it has none. */
  #sid = 0;
  #flags = 0;
  #attempt = 1;
  #nextFlags = 0;
  #open = true;
  readonly #ready: Source[] = [];
  /** Bytes that wait to be written. */
  pendingBytes = 0;
  /** Bytes of the write under way. */
  writingBytes = 0;
  /** Of both, those that are answers rather than deliveries. */
  answerBytes = 0;
  #writingAnswers = 0;
  bytesOut = 0;
  #takenLate = 0;
  /** Bytes of the write under way that were not taken at once. */
  #lateBytes = 0;

  constructor(world: LinkWorld, transport: Transport) {
    this.#world = world;
    this.#pool = world.chunks;
    this.#transport = transport;
  }

  /** Bytes that may still be handed over before subscriptions have to wait. */
  get room(): number {
    return this.#open ? this.#world.outgoingBytes - this.pendingBytes - this.writingBytes : 0;
  }

  /**
   * Bytes that were taken later than they were written: the peer has read, and so made room for them. What is taken at once only
   * says that there was room.
   */
  get takenLate(): number {
    return this.#takenLate + (this.#writing === undefined ? 0 : this.#lateBytes - this.#transport.untakenBytes());
  }

  get idle(): boolean {
    return this.pendingBytes === 0 && this.writingBytes === 0;
  }

  /** Bytes of the chunks kept for writing, about: what is queued and the scratch. */
  get heldBytes(): number {
    return this.pendingBytes + this.writingBytes;
  }

  /** Appends frames of the broker's own. */
  control(frames: FrameWriter): void {
    this.#copy(frames.buf, 0, frames.length, undefined, 0, 0);
    this.answerBytes += frames.length;
  }

  /**
   * Appends a frame whose beginning is `head` and whose rest is a range: one that is passed on under another number. `isAnswer`
   * where it is the answer to something that the peer asked.
   */
  rewritten(head: FrameWriter, chunk: PooledChunk, start: number, end: number, isAnswer: boolean): void {
    this.#copy(head.buf, 0, head.length, undefined, 0, 0);
    if (end - start <= COPY_BYTES) this.#copy(chunk.buf, start, end, undefined, 0, 0);
    else this.#refer(chunk, start, end, undefined, 0, 0);
    if (isAnswer) this.answerBytes += head.length + end - start;
  }

  /** Hands over what waits in `outbox` while there is room. Returns how many messages. */
  deliver(to: Consumer, outbox: Outbox): number {
    this.#consumer = to;
    return outbox.takeBytes(this.room, this);
  }

  /** Hands over at most `maxMessages` from a queue that has other members too. */
  deliverSome(to: Consumer, outbox: Outbox, maxMessages: number, maxBytes: number): number {
    this.#consumer = to;
    return outbox.takeMessages(maxMessages, Math.min(maxBytes, this.room), this);
  }

  /** Hands over one message, whatever the room. */
  deliverOne(to: Consumer, chunk: PooledChunk, start: number, end: number, flags: number): void {
    this.#consumer = to;
    this.#nextFlags = flags;
    this.range(chunk, start, end, 1, 0);
    this.#nextFlags = 0;
  }

  /** Hands over messages that a queue had out before, whatever the room. */
  deliverRun(to: Consumer, run: Run): void {
    this.#consumer = to;
    this.range(run.chunk, run.start, run.end, run.count, run.order);
  }

  range(chunk: PooledChunk, start: number, end: number, count: number, order: number): void {
    const to = this.#consumer!;
    this.context(to.sid, to.nextSeq, to.attempt);
    to.handed(chunk, start, end, count, order);
    if (end - start <= COPY_BYTES) this.#copy(chunk.buf, start, end, to, count, order);
    else this.#refer(chunk, start, end, to, count, order);
  }

  gap(lost: number): void {
    this.gapFor(this.#consumer!, lost);
  }

  /** Says that `lost` messages of a subscription, or of its queue, were dropped at this point: with those of which that is said already. */
  gapFor(to: Consumer, lost: number): void {
    const total = lost + this.#unsayGap(to);
    writer.reset().frame(3, Op.GAP).int(to.sid).int(total);
    this.#copy(writer.buf, 0, writer.length, undefined, 0, 0, { to, lost: total });
  }

  /** Takes back a GAP for `to` that is the last of what is pending. Returns what it told of, 0 where there is none. */
  #unsayGap(to: Consumer): number {
    const last = this.#pending[this.#pending.length - 1];
    if (last?.gap?.to !== to) return 0;
    this.#pending.pop();
    this.pendingBytes -= last.end - last.start;
    this.#scratchUsed = last.start; // it was the last to be copied
    last.chunk.release();
    return last.gap.lost;
  }

  /** Says which subscription the next messages are for, if the peer does not know. */
  context(sid: number, seq: number, attempt: number): void {
    const flags = this.#nextFlags;
    if (this.#sid === sid && this.#flags === flags && this.#attempt === attempt) return;
    this.#sid = sid;
    this.#flags = flags;
    this.#attempt = attempt;
    writer.reset();
    if (flags !== 0) writer.frame(5, Op.FOR).int(sid).nil().nil().int(flags);
    else if (attempt > 1) writer.frame(4, Op.FOR).int(sid).int(seq).int(attempt);
    else if (seq > 0) writer.frame(3, Op.FOR).int(sid).int(seq);
    else writer.frame(2, Op.FOR).int(sid);
    this.#copyFrame(writer);
  }

  /** The subscription is over, and with it a context that was its. */
  forget(sid: number): void {
    if (this.#sid === sid) this.#sid = 0;
  }

  /** `source` has something. It is asked at the next {@link pump}. */
  ready(source: Source): void {
    this.#ready.push(source);
  }

  /**
   * Asks who is ready and writes, until nothing is ready or the peer takes no more. A source that has more than there was room
   * for calls {@link ready} again; its turn is then behind the others.
   */
  pump(): void {
    do {
      // A source that becomes ready meanwhile has its turn in the next round.
      for (let turns = this.#ready.length; turns > 0 && this.room > 0; turns--) this.#ready.shift()!.supply();
      this.flush();
    } while (this.#writing === undefined && this.#ready.length > 0 && this.#open);
  }

  /** Writes what is pending, unless a write is under way. */
  flush(): void {
    const parts = this.#pending;
    if (parts.length === 0 || this.#writing !== undefined || !this.#open) return;
    const ranges: Buffer[] = [];
    for (let i = 0; i < parts.length;) {
      const { chunk, start } = parts[i]!;
      let { end } = parts[i]!;
      while (++i < parts.length && parts[i]!.chunk === chunk && parts[i]!.start === end) end = parts[i]!.end;
      ranges.push(chunk.buf.subarray(start, end));
    }
    this.#writing = parts;
    this.#pending = [];
    this.writingBytes = this.pendingBytes;
    this.pendingBytes = 0;
    this.#writingAnswers = this.answerBytes;
    this.bytesOut += this.writingBytes;
    this.#lateBytes = 0;
    if (this.#transport.write(ranges)) this.written();
    else this.#lateBytes = this.#transport.untakenBytes();
  }

  /** The write under way was taken as a whole. */
  written(): void {
    const parts = this.#writing;
    if (parts === undefined) return;
    this.#writing = undefined;
    this.#takenLate += this.#lateBytes;
    this.#lateBytes = 0;
    this.writingBytes = 0;
    this.answerBytes -= this.#writingAnswers;
    this.#writingAnswers = 0;
    for (const part of parts) {
      part.to?.written(part.count, part.order);
      part.chunk.release();
    }
    const scratch = this.#scratch;
    if (scratch === undefined || this.#pending.length > 0 || scratch.shared) return;
    this.#scratchUsed = 0;
    if (scratch.buf.length === FIRST_SCRATCH_BYTES) return;
    scratch.release(); // an idle connection keeps a small one only
    this.#scratch = undefined;
  }

  /** Takes back deliveries that are not being written yet, and GAPs; other frames of the broker's own stay. */
  retract(): void {
    const kept: Part[] = [];
    for (let i = this.#pending.length - 1; i >= 0; i--) {
      const part = this.#pending[i]!;
      if (part.to === undefined && part.gap === undefined) {
        kept.unshift(part);
        continue;
      }
      this.pendingBytes -= part.end - part.start;
      part.gap?.to.untold(part.gap.lost);
      part.to?.unwritten(part.chunk, part.start, part.end, part.count, part.order);
      part.chunk.release();
    }
    this.#pending = kept;
    this.#ready.length = 0;
  }

  /** The connection ended: what was not written goes back to its consumers. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const parts = [...(this.#writing ?? []), ...this.#pending];
    let untaken = this.pendingBytes + (this.#writing === undefined ? 0 : this.#transport.untakenBytes());
    for (let i = parts.length - 1; i >= 0; i--) {
      const part = parts[i]!;
      giveBack(part, untaken);
      untaken = Math.max(0, untaken - (part.end - part.start));
      part.chunk.release();
    }
    this.#scratch?.release();
    this.#scratch = undefined;
    this.#pending = [];
    this.#writing = undefined;
    this.#ready.length = 0;
    this.pendingBytes = this.writingBytes = this.answerBytes = 0;
  }

  /** Messages for `to` that the peer may have although {@link Consumer.written} has not told of them: of the write under way, taken whole. */
  takenEarly(to: Consumer): number {
    let messages = 0;
    this.#eachTakenEarly((part, count) => (messages += part.to === to ? count : 0));
    return messages;
  }

  /** Tells consumers of such messages. Those, too, that are consumers no longer: what was handed to them is on its way still. */
  tellTakenEarly(): void {
    this.#eachTakenEarly(({ to, order }, count) => to?.takenEarly(count, order));
  }

  #eachTakenEarly(visit: (part: Part, count: number) => void): void {
    if (this.#writing === undefined) return;
    let left = this.writingBytes - this.#transport.untakenBytes();
    for (const part of this.#writing) {
      if (left <= 0) break;
      const bytes = part.end - part.start;
      if (part.to !== undefined) visit(part, left >= bytes ? part.count : wholeFrames(part, left));
      left -= bytes;
    }
  }

  /** Counts the messages that wait to be written, or are being written, anew, by walking them: for checks of the books. */
  recount(): Map<Consumer, number> {
    const messages = new Map<Consumer, number>();
    for (const { chunk, start, end, to } of this.#parts()) {
      if (to !== undefined) messages.set(to, (messages.get(to) ?? 0) + countFrames(chunk.buf, start, end));
    }
    return messages;
  }

  /** The chunks that it keeps, some of them more than once: likewise. */
  *chunks(): Iterable<PooledChunk> {
    for (const { chunk } of this.#parts()) yield chunk;
    if (this.#scratch !== undefined) yield this.#scratch;
  }

  *#parts(): Iterable<Part> {
    yield* this.#writing ?? [];
    yield* this.#pending;
  }

  #copyFrame(frame: FrameWriter): void {
    this.#copy(frame.buf, 0, frame.length, undefined, 0, 0);
  }

  #copy(
    from: Buffer,
    start: number,
    end: number,
    to: Consumer | undefined,
    count: number,
    order: number,
    gap?: Gap,
  ): void {
    if (!this.#open) return;
    const bytes = end - start;
    let scratch = this.#scratch;
    if (scratch === undefined || scratch.buf.length - this.#scratchUsed < bytes) {
      if (scratch !== undefined || bytes > FIRST_SCRATCH_BYTES) this.#scratchBytes = SCRATCH_BYTES;
      scratch?.release();
      scratch = this.#scratch = this.#pool.take(Math.max(this.#scratchBytes, bytes));
      this.#scratchUsed = 0;
    }
    const at = this.#scratchUsed;
    if (bytes < 24) for (let i = 0; i < bytes; i++) scratch.buf[at + i] = from[start + i]!;
    else from.copy(scratch.buf, at, start, end);
    this.#scratchUsed = at + bytes;
    this.#part(scratch, at, at + bytes, to, count, order, gap);
  }

  #refer(chunk: PooledChunk, start: number, end: number, to: Consumer | undefined, count: number, order: number): void {
    if (this.#open) this.#part(chunk, start, end, to, count, order);
  }

  #part(
    chunk: PooledChunk,
    start: number,
    end: number,
    to: Consumer | undefined,
    count: number,
    order: number,
    gap?: Gap,
  ): void {
    this.pendingBytes += end - start;
    const last = this.#pending[this.#pending.length - 1];
    const isNext = last !== undefined && last.chunk === chunk && last.end === start && last.to === to;
    const isGap = gap !== undefined || last?.gap !== undefined;
    if (isNext && !isGap && (to === undefined || last.order + last.count === order)) {
      last.end = end;
      last.count += count;
      return;
    }
    chunk.retain();
    this.#pending.push({ chunk, start, end, to, count, order, gap });
  }
}

/** Tells whom `part` is for what of it was written, `untaken` of the bytes up to its end not having been taken. */
function giveBack({ chunk, start, end, to, count, order, gap }: Part, untaken: number): void {
  if (gap !== undefined && untaken > 0) gap.to.untold(gap.lost);
  if (to === undefined) return;
  if (untaken === 0) return to.written(count, order);
  const taken = wholeFrames({ chunk, start, end }, end - start - untaken);
  let at = start;
  for (let i = 0; i < taken; i++) at = frameEnd(chunk.buf, at, end);
  if (taken > 0) to.written(taken, order);
  if (taken < count) to.unwritten(chunk, at, end, count - taken, order + taken);
}

/** How many frames of a part are whole in its first `bytes`: one of which the last byte was not taken was not delivered. */
function wholeFrames({ chunk, start, end }: Pick<Part, "chunk" | "start" | "end">, bytes: number): number {
  let frames = 0;
  for (let at = start; at < end; frames++) {
    at = frameEnd(chunk.buf, at, end);
    if (at > start + bytes) break;
  }
  return frames;
}
