// A queue as protocol.md has it, in plain lists: slow, and with nothing of the broker's own code. What only the broker can know,
// which member gets which message, is read off what the members receive, and checked against what may be.

export interface QueueConfig {
  readonly ack: boolean;
  readonly overflow: "block" | "drop-oldest" | "drop-newest" | "latest";
  readonly partitionBy?: "key" | number;
  readonly dedupeMs: number;
  maxMessages: number;
  maxAttempts: number;
  ackTimeoutMs: number;
}

export interface ModelMessage {
  readonly n: number;
  readonly topic: string;
  readonly key: string | undefined;
  /** Not delivered from then on. */
  readonly untilMs: number;
  attempt: number;
  /** Deliveries that members have seen. */
  seen: number;
  /** In a delay until then. */
  wakesMs: number;
}

export interface Published extends ModelMessage {
  readonly id: string | undefined;
  readonly delayMs: number;
}

interface Held {
  readonly message: ModelMessage;
  readonly seq: number;
}

export class ModelMember {
  readonly sid: number;
  readonly prefetch: number;
  readonly concurrency: number;
  /** Written and not settled, in the order of seq. */
  held: Held[] = [];
  /** Since when each seq of the window is worked on. */
  readonly window: Map<number, number> = new Map();
  nextSeq = 1;
  isHeld = false;
  isRetired = false;

  constructor(sid: number, prefetch: number, concurrency: number) {
    this.sid = sid;
    this.prefetch = prefetch;
    this.concurrency = concurrency;
  }

  get room(): number {
    return this.isHeld || this.isRetired ? 0 : this.prefetch - this.held.length;
  }

  refill(now: number): void {
    const oldest = this.held.slice(0, this.concurrency).map(({ seq }) => seq);
    for (const seq of this.window.keys()) if (!oldest.includes(seq)) this.window.delete(seq);
    for (const seq of oldest) if (!this.window.has(seq)) this.window.set(seq, now);
  }
}

export interface DeadLetter {
  readonly n: number;
  readonly reason: "attempts" | "rejected" | "expired";
  readonly attempts: number;
}

export class QueueModel {
  readonly config: QueueConfig;
  now = 0;
  readonly members: Set<ModelMember> = new Set();
  /** Came back, by order. */
  returned: ModelMessage[] = [];
  /** Never given to a member, as far as one can see. */
  fresh: ModelMessage[] = [];
  delayed: ModelMessage[] = [];
  /** On their way to members, since the queue was full in the middle of a turn. */
  leaving: ModelMessage[] = [];
  readonly ids: Map<string, number> = new Map();
  accepted = 0;
  settled = 0;
  dropped = 0;
  readonly dead: DeadLetter[] = [];

  constructor(config: QueueConfig) {
    this.config = config;
  }

  get waiting(): number {
    return this.returned.length + this.fresh.length + this.delayed.length;
  }

  get held(): number {
    return [...this.members].reduce((sum, { held }) => sum + held.length, 0);
  }

  /** What members can take together; without acknowledgement there is no end to it. */
  get room(): number {
    if (!this.config.ack) return [...this.members].some((member) => member.room > 0) ? Infinity : 0;
    return [...this.members].reduce((sum, { room }) => sum + Math.max(0, room), 0);
  }

  /**
   * `messages` are published in one turn. Only where one finds the queue full is it looked whether members have room; the others
   * wait until the turn is over.
   */
  publish(messages: readonly Published[]): void {
    const { overflow, maxMessages, dedupeMs } = this.config;
    for (const message of messages) {
      if (message.id !== undefined && dedupeMs > 0 && (this.ids.get(message.id) ?? -1) > this.now) continue;
      this.accepted++;
      const isReplacing = overflow === "latest" && message.delayMs === 0 && this.#replace(message.topic);
      if (overflow !== "block" && !isReplacing && this.waiting >= maxMessages) {
        this.#relieve();
        if (overflow === "drop-newest" && this.waiting >= maxMessages) {
          this.dropped++;
          continue;
        }
        while (this.waiting >= maxMessages && this.#dropOldest());
      }
      if (message.id !== undefined && dedupeMs > 0) this.ids.set(message.id, this.now + dedupeMs);
      if (message.delayMs > 0) {
        message.wakesMs = this.now + message.delayMs;
        this.delayed.push(message);
      } else {
        this.fresh.push(message);
      }
    }
  }

  /** The newest of a topic takes the place of the one that waits. */
  #replace(topic: string): boolean {
    let isReplacing = false;
    for (const list of [this.returned, this.fresh]) {
      const at = list.findIndex((it) => it.topic === topic);
      if (at < 0) continue;
      list.splice(at, 1);
      this.dropped++;
      isReplacing ||= list === this.fresh;
    }
    return isReplacing;
  }

  #relieve(): void {
    for (let { room } = this; room > this.leaving.length;) {
      const next = this.returned.shift() ?? this.fresh.shift();
      if (next === undefined) return;
      this.leaving.push(next);
    }
  }

  #dropOldest(): boolean {
    const message = this.returned.shift() ?? this.fresh.shift() ?? this.delayed.shift();
    if (message === undefined) return false;
    this.dropped++;
    return true;
  }

  /** What can be delivered, in order. */
  get deliverable(): ModelMessage[] {
    return [...this.leaving, ...this.returned, ...this.fresh].filter(({ untilMs }) => untilMs > this.now);
  }

  /** What is due by now: delays that are over, time-outs. */
  pass(now: number): void {
    this.now = now;
    for (const message of this.delayed.filter(({ wakesMs }) => wakesMs <= now)) {
      this.delayed.splice(this.delayed.indexOf(message), 1);
      this.#return(message);
    }
    const { ackTimeoutMs } = this.config;
    if (ackTimeoutMs === 0) return;
    for (const member of this.members) {
      for (const [seq, sinceMs] of Array.from(member.window)) {
        if (sinceMs + ackTimeoutMs > now) continue;
        const { message } = this.#release(member, seq)!;
        this.#failed(message, 0);
      }
      this.#settledBy(member);
    }
  }

  /** When something is due next. */
  get nextMs(): number {
    const times = this.delayed.map(({ wakesMs }) => wakesMs);
    if (this.config.ackTimeoutMs > 0) {
      for (const { window } of this.members) {
        for (const sinceMs of window.values()) times.push(sinceMs + this.config.ackTimeoutMs);
      }
    }
    return Math.min(Infinity, ...times);
  }

  /** `member` has received `n` as its `attempt`-th attempt. @throws where that may not be. */
  delivered(member: ModelMember, n: number, seq: number, attempt: number, wasReading: boolean): void {
    const list = [this.leaving, this.returned, this.fresh].find((it) => it.some((message) => message.n === n));
    if (list === undefined) throw new Error(`${n} was delivered, and does not wait`);
    const message = list.splice(
      list.findIndex((it) => it.n === n),
      1,
    )[0]!;
    if (message.attempt !== attempt) throw new Error(`${n} came as attempt ${attempt}, not ${message.attempt}`);
    if (wasReading && message.untilMs <= this.now) throw new Error(`${n} came after its time`);
    message.seen++;
    if (!this.config.ack) {
      this.settled++;
      return;
    }
    if (seq !== member.nextSeq) throw new Error(`seq ${seq} came, not ${member.nextSeq}`);
    member.nextSeq++;
    member.held.push({ message, seq });
    if (member.held.length > member.prefetch) throw new Error(`${member.held.length} are unsettled at one member`);
  }

  settle(member: ModelMember, first: number, last: number, verdict: number, delayMs: number): void {
    for (const { seq } of Array.from(member.held)) {
      if (seq < first || seq > last) continue;
      if (verdict === 3) {
        if (member.window.has(seq)) member.window.set(seq, this.now);
        continue;
      }
      const { message } = this.#release(member, seq)!;
      if (verdict === 0) this.settled++;
      else if (verdict === 2) this.dead.push({ n: message.n, reason: "rejected", attempts: message.attempt });
      else this.#failed(message, delayMs);
    }
    this.#settledBy(member);
  }

  unsubscribe(member: ModelMember): void {
    member.isRetired = true;
  }

  /** Its connection ended. */
  gone(member: ModelMember): void {
    const worked = [...member.window.keys()].sort((a, b) => a - b);
    for (const seq of worked) this.#failed(this.#release(member, seq)!.message, 0);
    for (const { message } of member.held) this.#return(message);
    member.held = [];
    this.members.delete(member);
  }

  purge(): void {
    this.dropped += this.waiting;
    this.returned = [];
    this.fresh = [];
    this.delayed = [];
  }

  /** Those that wait and have outlived their time are found out when somebody has room for them. */
  lapse(): void {
    for (const list of [this.leaving, this.returned, this.fresh]) {
      for (const message of list.filter(({ untilMs }) => untilMs <= this.now)) {
        list.splice(list.indexOf(message), 1);
        this.dead.push({ n: message.n, reason: "expired", attempts: message.attempt - 1 });
      }
    }
  }

  #release(member: ModelMember, seq: number): Held | undefined {
    const at = member.held.findIndex((it) => it.seq === seq);
    member.window.delete(seq);
    return member.held.splice(at, 1)[0];
  }

  #settledBy(member: ModelMember): void {
    member.refill(this.now);
  }

  /** All that was on its way to `member` has come. */
  hasAll(member: ModelMember): void {
    if (member.isRetired && member.held.length === 0) this.members.delete(member);
  }

  #failed(message: ModelMessage, delayMs: number): void {
    const { maxAttempts } = this.config;
    if (maxAttempts > 0 && message.attempt >= maxAttempts) {
      this.dead.push({ n: message.n, reason: "attempts", attempts: message.attempt });
      return;
    }
    message.attempt++;
    if (delayMs === 0) return this.#return(message);
    message.wakesMs = this.now + delayMs;
    this.delayed.push(message);
  }

  #return(message: ModelMessage): void {
    if (this.config.overflow === "latest") {
      const rivals = [...this.fresh, ...this.returned].filter(({ topic }) => topic === message.topic);
      if (rivals.some(({ n }) => n > message.n)) {
        this.dropped++;
        return;
      }
      this.dropped += rivals.length;
      this.returned = this.returned.filter((it) => !rivals.includes(it));
      this.fresh = this.fresh.filter((it) => !rivals.includes(it));
    }
    const at = this.returned.findIndex(({ n }) => n > message.n);
    this.returned.splice(at < 0 ? this.returned.length : at, 0, message);
  }
}
