// Messages that died, as protocol.md has them: for a reason, and told to those who listen to the dead-letter topic.

import { Violation } from "../trace.ts";
import type { Value } from "../wire.ts";
import type { Oracle } from "./oracle.ts";
import type { PlainView } from "./plain.ts";
import type { Entry, QueueView } from "./queue.ts";

export class Deaths {
  readonly #oracle: Oracle;
  /** Those that are certain, and lead somewhere. */
  readonly #certain: { queue: string; uid: number; to: string; subs: PlainView[] }[] = [];
  readonly #maybe = new Set<string>();

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** It is dead. @param mayBeLater whether that is known later than it happened: who listened then is not known. */
  died(queue: QueueView, entry: Entry, mayBeLater: boolean): void {
    const to = queue.options.deadLetter;
    this.#oracle.settledUnseen(entry, queue);
    this.#maybe.add(`${queue.name} ${entry.message.uid}`);
    if (to === undefined || queue.isEnded || mayBeLater) return;
    const subs = this.#oracle.match(to).plain.filter(({ policy }) => policy === "block");
    this.#certain.push({ queue: queue.name, uid: entry.message.uid, to, subs });
  }

  /** It may be dead: nobody has told. */
  maybe(queue: QueueView, entry: Entry): void {
    this.#maybe.add(`${queue.name} ${entry.message.uid}`);
  }

  /** A dead letter came to a subscription. */
  came(sub: PlainView, headers: Record<string, Value>, uid: number): void {
    const name = headers["deadQueue"] as string;
    const queue = this.#oracle.queues.get(name);
    const attempts = Number(headers["deadAttempts"]);
    this.#check(name, queue, uid, headers["deadReason"] as string, attempts);
    sub.deadLetter(name, uid, attempts, Math.max(1, queue?.timesTaken(uid) ?? 1));
  }

  #check(name: string, queue: QueueView | undefined, uid: number, reason: string, attempts: number): void {
    if (queue === undefined) return;
    if (reason === "attempts" && queue.options.maxAttempts > 0 && attempts < queue.options.maxAttempts) {
      throw queue.violation(`${uid} is dead after ${attempts} attempts`);
    }
    for (const member of queue.members) member.lapse(this.#oracle.nowMs);
    const those = [...queue.entries].filter(({ message }) => message.uid === uid);
    const hasReason = ({ mayExpireMs, mayHaveTimedOut, most }: Entry): boolean =>
      reason === "expired"
        ? mayExpireMs <= this.#oracle.nowMs
        : reason === "attempts" && mayHaveTimedOut && most >= queue.options.maxAttempts;
    // One that was sent twice may be there twice: it is none that did not come so often.
    const fits = those.filter(({ most }) => most >= attempts);
    const entry = fits.find(hasReason) ?? fits.find(({ isSure }) => !isSure);
    if (entry !== undefined) {
      entry.holder?.take(entry);
      queue.settle(entry);
      this.#oracle.settledUnseen(entry, queue);
      this.#maybe.add(`${name} ${uid}`);
      return;
    }
    // One that was sent twice may be dead once.
    if (this.#maybe.has(`${name} ${uid}`)) return;
    throw queue.violation(
      `${uid} is told to be dead, ${reason}, and ${those.length === 0 ? "was not there" : "is not"}`,
    );
  }

  /** All that comes has come. */
  checkDrained(): void {
    for (const { queue, uid, to, subs } of this.#certain) {
      for (const sub of subs) {
        if (sub.isLive && !sub.peer.isGone && !sub.hasDead(queue, uid)) {
          throw new Violation(`queue ${queue}: dead letter ${uid} on ${to} never came to client ${sub.peer.id}`);
        }
      }
    }
  }
}
