// Planted bugs in queues: who gets what, how often, in which order, and what becomes of it.

import type { Mutant } from "./list.ts";

const core = (file: string, name: string, find: string, replace: string): Mutant => ({
  name,
  file: `broker/core/${file}`,
  find,
  replace,
});

export const QUEUE_MUTANTS: readonly Mutant[] = [
  core(
    "returned.ts",
    "what came back goes to the wrong end",
    "if (this.#runs[middle]!.order < run.order) low = middle + 1;",
    "if (this.#runs[middle]!.order > run.order) low = middle + 1;",
  ),
  core(
    "queue-supply.ts",
    "new messages pass those that came back",
    "    if (returned.messages > 0) {\n      const run",
    "    if (returned.messages > 0 && outbox.messages === 0) {\n      const run",
  ),
  core("queue-supply.ts", "a loss is not told to a member", "    member.peer.link.gapFor(member, lost);\n", ""),
  core(
    "queue-supply.ts",
    "a key goes to whoever has room",
    "const member = owner ?? this.#pick(able);",
    "const member = this.#pick(able);",
  ),
  core(
    "queue.ts",
    "what was parked for a member that left is lost",
    "    for (const run of this.#waiting.partitions?.forget(member) ?? []) this.fate.return(run);",
    "    for (const run of this.#waiting.partitions?.forget(member) ?? []) run.chunk.release();",
  ),
  core("partitions.ts", "what is put aside is lost", "    known.parked.add(run);\n", ""),
  core(
    "partitions.ts",
    "what is parked is not counted",
    "    this.messages += sign * run.count;",
    "    this.messages += sign > 0 ? 0 : 0;",
  ),
  core("queue-fate.ts", "a failed attempt is not counted", "    run.attempt++;\n", ""),
  core("queue-fate.ts", "one attempt too many", "run.attempt >= maxAttempts", "run.attempt > maxAttempts"),
  core(
    "queue-fate.ts",
    "an expired message is counted as dead",
    "    this.#queue.counters.expired += run.count;",
    "    this.#queue.counters.dead += run.count;\n    this.#queue.counters.expired += run.count;",
  ),
  core(
    "queue-fate.ts",
    "a message that expires is delivered all the same",
    "untilMs === undefined || untilMs > this.#core.nowMs()",
    "untilMs === undefined || untilMs + 100 > this.#core.nowMs()",
  ),
  core(
    "queue-fate.ts",
    "what is done stays in flight",
    "    this.#queue.counters.inFlight -= count;\n",
    "    if (count < 3) this.#queue.counters.inFlight -= count;\n",
  ),
  core("queue-fate.ts", "the chunk of what is settled stays charged", "    run.chunk.release();\n  }\n}", "  }\n}"),
  core(
    "queue-fate.ts",
    "a delay is not kept",
    "    if (delayMs === 0) return this.return(run);",
    "    if (delayMs < 100) return this.return(run);",
  ),
  core("dead-letter.ts", "a dead letter goes nowhere", "      core.inject(to, writer, false);\n", ""),
  core(
    "dead-letter.ts",
    "a dead letter has lost its reason",
    "        deadReason: reason,",
    '        deadReason: "attempts",',
  ),
  core(
    "delayed.ts",
    "a delayed message is not counted as waiting",
    "  #count(run: Run, sign: 1 | -1): void {\n    this.messages += sign * run.count;",
    "  #count(run: Run, sign: 1 | -1): void {\n    if (sign < 0) this.messages += sign * run.count;",
  ),
  core(
    "queue.ts",
    "a delayed message comes at once",
    "const isDelayed = delayMs !== undefined && delayMs > 0;",
    "const isDelayed = delayMs !== undefined && delayMs > 50;",
  ),
  core(
    "queue.ts",
    "a known message is taken again",
    "if (this.options.dedupeMs === 0 || !this.#recentIds.has(id, this.#core.nowMs())) return true;",
    "if (this.options.dedupeMs === 0 || this.#recentIds.size < 3 || !this.#recentIds.has(id, this.#core.nowMs())) return true;",
  ),
  core("queue.ts", "purged messages are not told as lost", "    this.#waiting.lost += dropped;\n", ""),
  core(
    "queue.ts",
    "publishers wait for a queue that ended",
    "    this.drained();\n    this.#core.pressure",
    "    this.#core.pressure",
  ),
  core(
    "queue.ts",
    "a queue full of what waits aside never drains",
    "    if (this.outbox.awaited && this.outbox.halfEmpty) this.drained();\n  }\n\n  // ── Adm",
    "  }\n\n  // ── Adm",
  ),
  core(
    "recent-ids.ts",
    "an id is forgotten at half its time",
    "this.#untilMs.set(id, untilMs);",
    "this.#untilMs.set(id, (untilMs + nowMs) / 2);",
  ),
  core(
    "recent-ids.ts",
    "an id is known for twice its time",
    "this.#untilMs.set(id, untilMs);",
    "this.#untilMs.set(id, untilMs * 2 - nowMs);",
  ),
  core(
    "ack-member.ts",
    "one more than its prefetch",
    "this.#prefetch - this.#unsettled.messages)",
    "this.#prefetch + 1 - this.#unsettled.messages)",
  ),
  core(
    "ack-member.ts",
    "an unsettled message is never delivered again",
    "if (sinceMs + ackTimeoutMs > now) break;",
    "if (sinceMs + ackTimeoutMs * 1e6 > now) break;",
  ),
  core(
    "ack-member.ts",
    "the time-out runs for all that it holds",
    "while (this.#window.size < this.#concurrency) {",
    "while (this.#window.size < this.#concurrency * 8) {",
  ),
  core(
    "ack-member.ts",
    "a time-out comes early",
    "if (sinceMs + ackTimeoutMs > now) break;",
    "if (sinceMs + ackTimeoutMs / 2 > now) break;",
  ),
  core(
    "ack-member.ts",
    "a rejected message is delivered again",
    'else if (verdict === AckVerdict.REJECT) this.queue.fate.dead(run, "rejected");',
    "else if (verdict === AckVerdict.REJECT) this.queue.fate.failed(run, 0);",
  ),
  core(
    "ack-member.ts",
    "still working is not heard",
    "      this.#window.set(seq, now);\n",
    "      this.#window.set(seq, now - 1e6);\n",
  ),
  core(
    "ack-member.ts",
    "the end of a connection costs no attempt",
    "    for (const seq of [...this.#window.keys()].sort((a, b) => a - b)) {",
    "    for (const seq of [] as number[]) {",
  ),
  core(
    "unsettled.ts",
    "a range settles one less at its end",
    "taken.push(run.cut(last - run.seq + 1));",
    "taken.push(run.cut(Math.max(1, last - run.seq)));",
  ),
  core(
    "member.ts",
    "what was not written is lost",
    "    this.queue.fate.giveBack(this.queue.newRun(chunk, start, end, count, order));",
    "    this.queue.counters.inFlight -= count;\n    this.queue.counters.dropped += count;\n    void [chunk, start, end, order];",
  ),
  core("member.ts", "a GAP that was not written is told to nobody", "    this.queue.lost(lost);\n", "    void lost;\n"),
  core(
    "member.ts",
    "a held member is handed messages",
    "const isAble = this.heldSinceMs === undefined && !this.#isEnded",
    "const isAble = !this.#isEnded",
  ),
  core("run.ts", "a copied run forgets its attempt", "    this.attempt = attempt;\n", ""),
];
