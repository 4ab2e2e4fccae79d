// Planted bugs in podbus's own client.

import type { Mutant } from "./list.ts";

const client = (file: string, name: string, find: string, replace: string): Mutant => ({
  name,
  file: `client/${file}`,
  find,
  replace,
});

export const CLIENT_MUTANTS: readonly Mutant[] = [
  client(
    "publisher.ts",
    "XOFF is not heeded",
    "    topic.hold = new Hold(why);\n    this.#held.set(name, topic);\n",
    "    if (this.#held.size > 100) topic.hold = new Hold(why);\n",
  ),
  client("publisher.ts", "what a topic in XOFF kept is lost at XON", "      this.#backlog.unshift(runs);\n", ""),
  client(
    "publisher.ts",
    "what was kept passes what is published at XON",
    "      this.#direct = false;\n    }\n    this.pump();\n    over.resolve();",
    "    }\n    this.pump();\n    over.resolve();",
  ),
  client(
    "publisher.ts",
    "what waits after a lost connection is out of order",
    "    this.#backlog.unshift([...again, ...runs]);",
    "    this.#backlog.unshift([...runs.reverse(), ...again]);",
  ),
  client(
    "publisher.ts",
    "confirmed publishes are not sent again",
    "    this.#backlog.unshift([...again, ...runs]);",
    "    this.#backlog.unshift([...again.slice(1), ...runs]);",
  ),
  client(
    "publisher.ts",
    "a publish behind others that wait goes first",
    "  #queueOf(topic: Topic, exempt: boolean): Deque<Run> {\n    return this.#backlog.length === 0 && ",
    "  #queueOf(topic: Topic, exempt: boolean): Deque<Run> {\n    return ",
  ),
  client("publisher.ts", "whoever waits for room is not told of it", "      this.#room?.resolve();\n", ""),
  client(
    "publisher.ts",
    "a flush does not wait for what is kept",
    "    } else if (this.#outstanding() === Infinity) {",
    "    } else if (this.#closed === undefined) {",
  ),
  client(
    "syncs.ts",
    "a flush is done before the broker has acted",
    "    this.#pending.set(id, sync);\n",
    "    this.#pending.set(id, sync);\n    if (sync.barrier?.covers === true) sync.barrier.resolve();\n",
  ),
  client(
    "syncs.ts",
    "a confirmation is never told",
    "    else confirm.resolve(deliveries);",
    "    else if (deliveries > 1) confirm.resolve(deliveries);",
  ),
  client("syncs.ts", "answers are mixed up", "    if (sync !== undefined) this.#pending.delete(id);\n", ""),
  client(
    "acks.ts",
    "two ranges with a gap between them are one",
    "if (last !== undefined && last.last + 1 === range.first) last.last = range.last;",
    "if (last !== undefined) last.last = range.last;",
  ),
  client(
    "acks.ts",
    "the last of a range is not acknowledged",
    "        w.frame(5, Op.ACK).int(sid).int(first).int(last).int(Verdict.DONE);",
    "        w.frame(5, Op.ACK).int(sid).int(first).int(Math.max(first, last - 1)).int(Verdict.DONE);",
  ),
  client(
    "subscription.ts",
    "a message is acknowledged before its handler is done",
    "        const result = scope.run(subscriber, handler!, message);\n",
    "        if (isAcked) message.ack();\n        const result = scope.run(subscriber, handler!, message);\n",
  ),
  client(
    "subscription.ts",
    "a failed message is acknowledged",
    "if (isAcked && !message.settled) message.retry();",
    "if (isAcked && !message.settled) message.ack();",
  ),
  client(
    "subscription.ts",
    "a handled message is not acknowledged",
    "        if (!message.settled) message.ack();\n        if (workedMs",
    "        if (!message.settled && workedMs > 20) message.ack();\n        if (workedMs",
  ),
  client(
    "subscriber.ts",
    "it subscribes once, and not with the next connection",
    "    if (this.#sid === 0) return;\n    this.#sid = 0;",
    '    if (this.#sid === 0) return;\n    if (this.kind.plain) this.#state = "over";\n    this.#sid = 0;',
  ),
  client(
    "subscriber.ts",
    "what waits is handled although it comes again",
    "    if (this.kind.acks) this.#consumer.clear();\n    else if",
    "    if (this.kind.acks) this.kind.seqOf;\n    else if",
  ),
  client(
    "subscriber.ts",
    "what it gives up is not given back",
    "    if (first !== 0) acks.settleRange(this.#sid, first, last, Verdict.AGAIN);\n  }\n\n  #hold",
    "  }\n\n  #hold",
  ),
  client(
    "handlers/serial.ts",
    "two handlers run at once",
    "    this.#busy = true;\n    if (!work.isTracking())",
    "    if (!work.isTracking())",
  ),
  client(
    "handlers/serial.ts",
    "what waited for a handler is forgotten",
    "    this.#inbox.done(item);\n    this.#goOn();",
    "    this.#inbox.done(item);\n    if (this.#inbox.length < 4) this.#goOn();\n    else this.#inbox.clear();",
  ),
  client(
    "handlers/serial.ts",
    "a transient message is over while its handler waits",
    "    return isDone;\n",
    "    return true;\n",
  ),
  client(
    "handlers/parallel.ts",
    "a transient message is over while others are handled",
    "    this.#inbox.add(item);\n    return false;\n  }\n\n  gap",
    "    this.#inbox.add(item);\n    return true;\n  }\n\n  gap",
  ),
  client(
    "session.ts",
    "a chunk is used again whose messages wait",
    "          this.#over = undefined;\n          chunk.retain();\n",
    "          this.#over = undefined;\n",
  ),
  client(
    "handlers/parallel.ts",
    "those that wait are passed",
    "if (this.#isFree && this.#inbox.length === 0) return this.#handle(item, false);",
    "if (this.#isFree) return this.#handle(item, false);",
  ),
  client(
    "handlers/iteration.ts",
    "a loop misses what came while it worked",
    "    if (waiting === undefined) {\n      this.#inbox.add(item);\n      return false;",
    "    if (waiting === undefined) {\n      if (this.#inbox.length < 2) this.#inbox.add(item);\n      return false;",
  ),
  client(
    "calls.ts",
    "an answer goes to another request",
    "    const call = this.#sent.get(id);\n    if (call === undefined) return;\n    const { sink, spec } = call;",
    "    const call = [...this.#sent.values()][0];\n    if (call === undefined) return;\n    const { sink, spec } = call;",
  ),
  client(
    "calls.ts",
    "requests under way are forgotten with their connection",
    '      call.sink.fail(new PodbusError("disconnected", message, { cause: why }));\n',
    "      void message;\n",
  ),

  client("core.ts", "BYE is not answered", "    this.writer.frame(1, Op.BYE);\n", ""),
  client(
    "session.ts",
    "a GAP is counted one short",
    "owner.gap(int(frame, buf, 1), int(frame, buf, 2, 0, Number.MAX_SAFE_INTEGER));",
    "owner.gap(int(frame, buf, 1), int(frame, buf, 2, 0, Number.MAX_SAFE_INTEGER) - 1);",
  ),
  client(
    "batch.ts",
    "a buffer is used again while it is written",
    "      if (this.#unwritten > 0) this.#sentBuffers.push(this.#swap());\n",
    "      this.writer.length = LEAD_BYTES;\n",
  ),
  client(
    "acks.ts",
    "one more than is done is acknowledged",
    ".int(last).int(Verdict.DONE);",
    ".int(last + 1).int(Verdict.DONE);",
  ),
  client(
    "answers.ts",
    "an answer that is not the last, and well, goes to another request",
    "w.frame(4, Op.REPLY).int(id).int(status);",
    "w.frame(4, Op.REPLY).int(id + (status === 0 ? 0 : 1)).int(status);",
  ),
];
