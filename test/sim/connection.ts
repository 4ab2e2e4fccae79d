// A simulated socket between a client and a broker: bytes are split anywhere, delayed, left unread; buffers fill in either direction;
// streams end in halves or all at once. The broker's end is its real Transport; what it reads, and what the kernel takes from it,
// is shown to the oracle at that very moment.

import type { Transport, TransportSink } from "../../broker/core/transport.ts";
import { copyOf } from "./bytes.ts";
import type { FaultCounts } from "./faults.ts";
import { Kind, type Loop } from "./loop.ts";
import { Pipe } from "./pipe.ts";
import type { Random } from "./random.ts";
import { decode, type Read } from "./wire.ts";

/** How a connection treats its bytes. */
export interface Net {
  readonly toBrokerCapacity: number;
  readonly toClientCapacity: number;
  /** Out of a hundred reads, those that get less than there is; and those that come late, by at most `maxDelayMs`. */
  readonly splitPercent: number;
  readonly delayPercent: number;
  readonly maxDelayMs: number;
  /** Reads of one to three bytes. */
  readonly isByteByByte: boolean;
}

/** The client's end: what it is told. */
export interface ClientEnd {
  /** Frames that have been read to their last byte. */
  frames?(frames: readonly Read[]): void;
  /** Where the next bytes go, and that they did: for a client that reads bytes. */
  room?(): Buffer;
  filled?(bytes: number): void;
  /** All that it wrote has been taken. */
  written(): void;
  ended(reason: string): void;
}

/** Who looks on. */
export interface Watcher {
  /** The broker is about to act upon bytes that it reads. */
  read(connection: Connection, bytes: Buffer): void;
  /** The kernel has taken a frame's last byte from the broker. */
  sent(connection: Connection, frame: Read, buf: Buffer): void;
  /** The kernel has taken bytes from the broker, and no frame ends in them. */
  sentPart(connection: Connection): void;
  /** All of a write has been taken. */
  complete(connection: Connection): void;
  /** The broker is about to hear that the stream has ended, or has closed it. */
  ended(connection: Connection): void;
}

/** The broker at the other end. */
export interface Peerage {
  /** Until when it does nothing. */
  readonly frozenUntilMs: number;
  readonly isDead: boolean;
}

const scratch: Buffer = Buffer.alloc(256 * 1024);

export class Connection {
  readonly id: number;
  readonly broker: Peerage;
  readonly net: Net;
  /** The number by which the broker knows it. */
  number = 0;
  /** The client reads nothing until then. */
  stalledUntilMs = 0;
  /** When the broker last stopped reading, and went on. */
  pausedAtMs = 0;
  resumedAtMs = 0;
  /** Writes of the broker's. */
  writes = 0;
  /** Whether a write of the broker's is under way that was not taken as a whole. */
  isWriting = false;
  /** Likewise, until the broker has been told that it was. */
  isBlocked = false;
  /** The last event in which that was so. */
  blockedAtEvent = -1;
  isClientClosed = false;
  isBrokerClosed = false;
  /** Where in its stream the client sends what is no frame, and the errors that may answer it. */
  badFrom: number = Number.POSITIVE_INFINITY;
  badCodes: readonly string[] = [];
  /** Nothing goes wrong any more. */
  isCalm = false;
  /** Told by the oracle, where somebody wants to know: what was delivered, read of publishes, and settled. */
  onDelivered: ((pattern: string, what: number | string, key?: string) => void) | undefined;
  onPublished: ((topic: string, uid: number) => void) | undefined;
  onAcknowledged: ((uid: number, verdict: number) => void) | undefined;
  readonly toBroker: Pipe;
  readonly toClient: Pipe;
  readonly #loop: Loop;
  readonly #random: Random;
  readonly #faults: FaultCounts;
  readonly #watcher: Watcher;
  readonly #end: ClientEnd;
  readonly #readsBytes: boolean;
  #sink: TransportSink | undefined;
  readonly #reads = (): void => this.#read();
  readonly #clientIsToRead = (): void => this.#clientReads();
  #isPaused = false;
  #isReadScheduled = false;
  #isClientReadScheduled = false;
  #isHalfClosed = false;
  #isBroken = false;
  #hasEnded = false;
  #isBrokerEnding = false;
  #isClientWriting = false;
  #hasClientEnded = false;
  /** Of the broker's stream, what is not a whole frame yet. */
  #rest: Buffer = Buffer.alloc(0);
  #frames: Read[] = [];
  #frameEnds: number[] = [];
  #decodedBytes = 0;

  constructor(
    id: number,
    { loop, random, faults, watcher }: { loop: Loop; random: Random; faults: FaultCounts; watcher: Watcher },
    net: Net,
    broker: Peerage,
    end: ClientEnd,
  ) {
    this.id = id;
    this.net = net;
    this.broker = broker;
    this.#loop = loop;
    this.#random = random;
    this.#faults = faults;
    this.#watcher = watcher;
    this.#end = end;
    this.#readsBytes = end.room !== undefined;
    if (net.isByteByByte) faults.hit("byte-by-byte");
    this.toBroker = new Pipe(net.toBrokerCapacity, true, () => {});
    this.toClient = new Pipe(net.toClientCapacity, this.#readsBytes, (buf) => this.#wasTaken(buf));
  }

  // ── The broker's end ──────────────────────────────────────────────────────────────────────────────────────────────

  readonly transport: Transport = {
    open: (sink) => {
      this.#sink = sink;
      this.#scheduleRead();
    },
    write: (ranges) => {
      if (this.isWriting) throw new Error("the broker writes while a write is under way");
      if (this.isBrokerClosed) return true;
      this.writes++;
      const isTaken = this.toClient.write(ranges);
      if (this.toClient.isBroken) this.#breakSoon();
      this.isWriting = !isTaken;
      this.#scheduleClientRead();
      if (isTaken) {
        this.#watcher.complete(this);
        return true;
      }
      this.isBlocked = true;
      this.blockedAtEvent = this.#loop.events;
      this.#faults.hit("full-to-client");
      return false;
    },
    untakenBytes: () => this.toClient.untakenBytes,
    pause: () => {
      this.#isPaused = true;
      this.pausedAtMs = this.#loop.nowMs;
    },
    resume: () => {
      this.#isPaused = false;
      this.resumedAtMs = this.#loop.nowMs;
      this.#scheduleRead();
    },
    end: () => {
      this.#isBrokerEnding = true;
      this.#scheduleClientRead();
    },
    destroy: () => this.#destroyed(),
  };

  /** Whether the broker has stopped reading. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The broker's process is no more: what it had not read, and what was not taken, is lost. */
  brokerDied(): void {
    this.#destroyed();
  }

  #destroyed(): void {
    if (this.isBrokerClosed) return;
    this.isBrokerClosed = true;
    this.#sink = undefined;
    if (!this.#hasEnded) this.#watcher.ended(this);
    this.#hasEnded = true;
    this.#scheduleClientRead();
  }

  #scheduleRead(): void {
    if (this.#isReadScheduled || this.#isPaused || this.#sink === undefined || this.#hasEnded) return;
    if (this.toBroker.heldBytes === 0 && !this.#isHalfClosed) return;
    this.#isReadScheduled = true;
    this.#loop.in(this.#latency(), Kind.TO_BROKER, this.id, this.#reads);
  }

  #read(): void {
    this.#isReadScheduled = false;
    const sink = this.#sink;
    if (sink === undefined || this.#isPaused || this.#hasEnded || this.broker.isDead) return;
    if (this.broker.frozenUntilMs > this.#loop.nowMs) {
      this.#isReadScheduled = true;
      this.#loop.at(this.broker.frozenUntilMs, Kind.TO_BROKER, this.id, this.#reads);
      return;
    }
    if (this.toBroker.heldBytes === 0) {
      if (this.#isHalfClosed && this.toBroker.untakenBytes === 0) this.#endStream("the peer ended the stream");
      return;
    }
    this.#readOnce(sink, this.#portion(this.toBroker.heldBytes));
    this.#clientTakes();
    this.#scheduleRead();
  }

  #readOnce(sink: TransportSink, most: number): void {
    const room = sink.room();
    const bytes = this.toBroker.read(room, Math.min(most, room.length));
    this.#watcher.read(this, room.subarray(0, bytes));
    sink.filled(bytes);
  }

  #endStream(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#watcher.ended(this);
    this.#sink?.ended(reason);
  }

  /** A write failed, for the client is gone: the rest of its input is read, whatever was paused, and the stream is over. */
  #breakSoon(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#loop.in(0, Kind.END_OF_STREAM, this.id, () => {
      for (let sink = this.#sink; sink !== undefined && this.toBroker.heldBytes > 0; sink = this.#sink) {
        if (this.#hasEnded || this.broker.isDead) return;
        this.#readOnce(sink, this.toBroker.heldBytes);
      }
      if (!this.broker.isDead) this.#endStream("EPIPE");
    });
  }

  // ── The client's end ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether what the client wrote has not been taken as a whole. */
  get isClientWriting(): boolean {
    return this.#isClientWriting;
  }

  /** True where all was taken at once. */
  write(ranges: readonly Buffer[]): boolean {
    if (this.isClientClosed || this.#isHalfClosed || this.isBrokerClosed) return true;
    const isTaken = this.toBroker.write(ranges);
    if (!isTaken) {
      if (!this.#isClientWriting) this.#faults.hit("full-to-broker");
      this.#isClientWriting = true;
    }
    this.#scheduleRead();
    return isTaken;
  }

  /** The client will write nothing more, and reads on. */
  shutdown(): void {
    if (this.#isHalfClosed || this.isClientClosed) return;
    this.#isHalfClosed = true;
    this.#scheduleRead();
  }

  /** The client is gone: what the kernel has taken is read by the broker, and nothing more reaches the client. */
  close(): void {
    if (this.isClientClosed) return;
    this.#isHalfClosed = true;
    this.isClientClosed = true;
    this.toClient.isBroken = true;
    if (this.isWriting) this.#breakSoon();
    this.#scheduleRead();
  }

  /** It breaks: neither end gets anything more, and both hear of it. */
  breakOff(): void {
    if (this.isClientClosed) return;
    this.close();
    this.#hasClientEnded = true;
    this.#end.ended("ECONNRESET");
  }

  /** The client reads again. */
  wake(): void {
    this.stalledUntilMs = 0;
    this.#scheduleClientRead();
  }

  #clientTakes(): void {
    if (!this.#isClientWriting || !this.toBroker.take()) return;
    this.#isClientWriting = false;
    if (this.isClientClosed) return;
    this.#loop.in(0, Kind.WRITTEN, this.id, () => {
      if (!this.isClientClosed) this.#end.written();
    });
  }

  #scheduleClientRead(): void {
    if (this.#isClientReadScheduled || this.isClientClosed || this.#hasClientEnded) return;
    const isOver = this.isBrokerClosed || (this.#isBrokerEnding && !this.isWriting);
    if (this.toClient.heldBytes === 0 && !isOver) return;
    this.#isClientReadScheduled = true;
    const wakesMs = this.stalledUntilMs;
    if (wakesMs === Number.POSITIVE_INFINITY) {
      this.#isClientReadScheduled = false;
      return;
    }
    this.#loop.at(Math.max(wakesMs, this.#loop.nowMs + this.#latency()), Kind.TO_CLIENT, this.id, this.#clientIsToRead);
  }

  #clientReads(): void {
    this.#isClientReadScheduled = false;
    if (this.isClientClosed || this.#hasClientEnded) return;
    if (this.stalledUntilMs > this.#loop.nowMs) {
      if (this.toClient.heldBytes > 0) this.#faults.hit("stall");
      return this.#scheduleClientRead();
    }
    if (this.toClient.heldBytes === 0) {
      if (this.isBrokerClosed || (this.#isBrokerEnding && !this.isWriting)) {
        this.#hasClientEnded = true;
        this.#end.ended("the broker ended the stream");
      }
      return;
    }
    const bytes = this.#portion(this.toClient.heldBytes);
    if (this.#readsBytes) {
      for (let left = bytes; left > 0 && !this.isClientClosed;) {
        const room = this.#end.room!();
        const read = this.toClient.read(room, Math.min(room.length, left));
        left -= read;
        this.#end.filled!(read);
      }
    } else {
      this.toClient.skip(bytes);
      let whole = 0;
      while (whole < this.#frames.length && this.#frameEnds[whole]! <= this.toClient.readBytes) whole++;
      if (whole > 0) {
        this.#frameEnds.splice(0, whole);
        this.#end.frames!(this.#frames.splice(0, whole));
      }
    }
    if (this.isWriting && !this.isBrokerClosed && this.toClient.take()) this.#brokerWrote();
    this.#scheduleClientRead();
  }

  #brokerWrote(): void {
    this.isWriting = false;
    this.#watcher.complete(this);
    const tell = (): void => {
      if (this.#hasEnded || this.broker.isDead) return;
      if (this.broker.frozenUntilMs > this.#loop.nowMs) {
        this.#loop.at(this.broker.frozenUntilMs, Kind.WRITTEN, this.id, tell);
        return;
      }
      this.blockedAtEvent = this.#loop.events;
      this.isBlocked = false;
      this.#sink?.written();
    };
    this.#loop.in(0, Kind.WRITTEN, this.id, tell);
  }

  // ── Both ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the kernel has taken from the broker, as frames. */
  #wasTaken(buf: Buffer): void {
    let bytes = buf;
    if (this.#rest.length > 0) bytes = Buffer.concat([this.#rest, buf]);
    let at = 0;
    for (let frame = decode(bytes, at, bytes.length); frame !== undefined; frame = decode(bytes, at, bytes.length)) {
      at = frame.end;
      this.#decodedBytes += frame.end - frame.start;
      if (!this.#readsBytes) {
        this.#frames.push(frame);
        this.#frameEnds.push(this.#decodedBytes);
      }
      this.#watcher.sent(this, frame, bytes);
    }
    if (at === 0) this.#watcher.sentPart(this);
    this.#rest = at === bytes.length ? EMPTY : copyOf(bytes, at);
  }

  #portion(available: number): number {
    const { isByteByByte, splitPercent } = this.net;
    if (isByteByByte && !this.isCalm) {
      return Math.min(available, this.#random.between(1, 3));
    }
    if (available === 1 || !this.#random.percent(splitPercent)) return Math.min(available, scratch.length);
    this.#faults.hit("split");
    return this.#random.between(1, available);
  }

  #latency(): number {
    const { delayPercent, maxDelayMs } = this.net;
    if (!this.isCalm && this.#random.percent(delayPercent)) {
      this.#faults.hit("delay");
      return this.#random.below(maxDelayMs * 8 + 1) / 8;
    }
    return this.#random.below(4) / 16;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
