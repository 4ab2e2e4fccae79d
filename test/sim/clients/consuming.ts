// A client that subscribes: plainly, as a member of queues, or to answer requests. It holds subscriptions, leaves and comes back,
// settles what it got in its own ways, late or never, and answers or does not.

import type { RespondPlan, SubPlan } from "../plan.ts";
import { encode, Op, type Plain, payloadOf, type Read } from "../wire.ts";
import type { RawClient, Role } from "./raw.ts";

interface Sub {
  readonly plan: SubPlan | RespondPlan;
  readonly isAcked: boolean;
  /** Numbers of what it got and has not settled. */
  held: number[];
  isHeld: boolean;
  /** The last number that came. */
  lastSeq: number;
}

export class Consuming implements Role {
  readonly #client: RawClient;
  readonly #subs = new Map<number, Sub>();
  /** Which subscription deliveries are for. */
  #current: Sub | undefined;
  #seq = 0;
  /** Requests that wait for an answer of ours. */
  readonly #asked = new Map<number, { plan: RespondPlan; uid: number }>();
  #isFinishing = false;

  constructor(client: RawClient) {
    this.#client = client;
  }

  get isDone(): boolean {
    return !this.#isFinishing || this.#asked.size === 0;
  }

  connected(): void {
    const { subs, responds } = this.#client.plan;
    for (const plan of [...subs, ...responds]) this.#subscribe(plan);
    if (this.#client.random.percent(50)) this.#client.sync();
  }

  #subscribe(plan: SubPlan | RespondPlan): void {
    const sid = this.#client.number();
    const isResponder = !("options" in plan);
    const options = isResponder ? { respond: true } : plan.options;
    this.#subs.set(sid, {
      plan,
      isAcked: !isResponder && plan.options["ack"] === true,
      held: [],
      isHeld: false,
      lastSeq: 0,
    });
    this.#client.send(Op.SUB, sid, plan.pattern, options);
  }

  // ── What comes ────────────────────────────────────────────────────────────────────────────────────────────────────

  came(frame: Read): void {
    const { op, elements } = frame;
    if (op === Op.FOR) {
      this.#current = this.#subs.get(elements[1] as number);
      this.#seq = typeof elements[2] === "number" ? elements[2] : 0;
    } else if (op === Op.PUB || op === Op.RETAIN) {
      const seq = this.#seq === 0 ? 0 : this.#seq++;
      if (this.#current?.isAcked !== true) return;
      this.#current.held.push(seq);
      this.#current.lastSeq = seq;
      if (this.#isFinishing || this.#client.isFinishing) this.#settleAll(this.#current);
    } else if (op === Op.REQ) {
      // One that it has unsubscribed from: what was on its way is answered all the same.
      const plan = this.#current?.plan ?? this.#client.plan.responds[0];
      if (plan === undefined || "options" in plan) return;
      this.#asked.set(elements[1] as number, { plan, uid: frame.uid });
      if (this.#isFinishing || this.#client.isFinishing) this.#answer(elements[1] as number, 0);
    } else if (op === Op.CANCEL) {
      this.#asked.delete(elements[1] as number);
    } else if (op === Op.ERR && typeof elements[1] === "number") {
      const sub = this.#subs.get(elements[1]);
      this.#subs.delete(elements[1]);
      // A queue that was removed: as a client would, it comes back.
      if (sub !== undefined && elements[2] === "unavailable" && "options" in sub.plan && this.#subs.size < 8) {
        if (sub.plan.options["durable"] !== true) this.#subscribe(sub.plan);
      }
    }
  }

  // ── What it does ──────────────────────────────────────────────────────────────────────────────────────────────────

  step(): boolean {
    const { random, plan } = this.#client;
    for (const [sid, sub] of this.#subs) {
      if (sub.held.length > 0) this.#work(sid, sub);
      if (random.percent(plan.holdPercent)) {
        sub.isHeld = !sub.isHeld;
        this.#client.send(sub.isHeld ? Op.XOFF : Op.XON, sid);
      }
      if (random.percent(plan.resubPercent)) {
        this.#client.send(Op.UNSUB, sid);
        if (!sub.isAcked) this.#subs.delete(sid);
        if (random.percent(70)) this.#subscribe(sub.plan);
        if (random.percent(70)) this.#client.sync();
        break;
      }
    }
    for (const [id, { plan: how }] of this.#asked) {
      if (random.percent(how.silentPercent)) {
        this.#client.world.faults.hit("unanswered");
        continue;
      }
      this.#answer(id, random.percent(how.errorPercent) ? 2 : random.percent(how.morePercent) ? 1 : 0);
    }
    if (random.percent(5)) this.#client.sync();
    return true;
  }

  #work(sid: number, sub: Sub): void {
    const { random, plan, world } = this.#client;
    const { nackPercent, rejectPercent, workingPercent, forgetPercent, batch } = plan.works;
    if (random.percent(forgetPercent)) {
      world.faults.hit("never-ack");
      sub.held.splice(random.below(sub.held.length), 1);
      return;
    }
    const from = random.percent(75) ? 0 : random.below(sub.held.length);
    const first = sub.held[from]!;
    const count = Math.min(random.between(1, batch), sub.held.length - from);
    const last = sub.held[from + count - 1]!;
    if (random.percent(workingPercent)) return this.#client.send(Op.ACK, sid, first, last, 3);
    sub.held.splice(from, count);
    if (random.percent(rejectPercent)) this.#client.send(Op.ACK, sid, first, last, 2);
    else if (random.percent(nackPercent)) {
      if (random.percent(50)) this.#client.send(Op.ACK, sid, first, last, 1);
      else this.#client.send(Op.ACK, sid, first, last, 1, random.pick([1, 30, 200]));
    } else this.#client.send(Op.ACK, sid, first, last, 0);
    if (random.percent(20)) this.#client.sync();
    // Settling what is settled, or was never delivered, changes nothing.
    if (random.percent(5)) this.#client.send(Op.ACK, sid, 0, first, random.below(3));
  }

  #settleAll(sub: Sub): void {
    const sid = [...this.#subs].find(([, it]) => it === sub)?.[0];
    if (sid === undefined || sub.held.length === 0) return;
    this.#client.send(Op.ACK, sid, 0, sub.lastSeq, 0);
    sub.held = [];
  }

  #answer(id: number, status: number): void {
    const { random } = this.#client;
    const asked = this.#asked.get(id)!;
    const payload: Plain = status === 2 ? { message: "no" } : payloadOf(asked.uid, random.below(4), 8);
    const frames = [encode(Op.REPLY, id, status, payload)];
    if (random.percent(3)) frames.push(encode(Op.REPLY, id, 0, "once more"));
    this.#client.write(Buffer.concat(frames));
    if (status !== 1) this.#asked.delete(id);
  }

  disconnected(): void {
    this.#subs.clear();
    this.#asked.clear();
    this.#current = undefined;
    this.#isFinishing = false;
  }

  /** Settles all there is, also what it had forgotten, and answers all that it was asked. */
  finish(): void {
    this.#isFinishing = true;
    for (const [sid, sub] of this.#subs) {
      if (sub.isHeld) this.#client.send(Op.XON, sid);
      sub.isHeld = false;
      if (sub.isAcked) this.#client.send(Op.ACK, sid, 0, sub.lastSeq, 0);
      sub.held = [];
    }
    for (const id of this.#asked.keys()) this.#answer(id, 0);
  }
}
