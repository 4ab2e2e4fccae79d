// What holds after every event, told by the broker's own books: they balance, and no limit is passed by more than protocol.md allows.
// The thorough one counts everything anew, and is for now and then.

import type { Core } from "../../broker/core/core.ts";
import type { Outbox } from "../../broker/core/outbox.ts";
import { check } from "../../broker/core/sys/check.ts";
import { Violation } from "./trace.ts";

const OUTGOING_BYTES = 256 * 1024;
/** What one read brings, and what is around it. */
const READ_BYTES = 256 * 1024;

export function checkBooks(core: Core): void {
  const { accepted, settled, inFlight, waiting, dropped, expired, dead } = core.counters();
  const became = settled + inFlight + waiting + dropped + expired + dead;
  if (accepted !== became) {
    throw new Violation(`the books: accepted ${accepted}, and of that became ${became}`);
  }
  if (inFlight < 0 || waiting < 0) throw new Violation(`the books: inFlight ${inFlight}, waiting ${waiting}`);
}

interface Limits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** What is known of those who wait. */
export interface Known {
  /** Whether messages of that queue came back or were put aside: they wait beyond its limit. */
  hasReturned(queue: string): boolean;
  /** The limits of a subscription that drops, where nothing of the broker's own is put into it. */
  limitsOf(client: number, sid: number): Limits | undefined;
  /** Of the largest message there was: by so much the limit in bytes may be passed. */
  readonly largestBytes: number;
}

export function checkLimits(core: Core, known: Known): void {
  for (const queue of core.queues.values()) {
    if (queue.options.overflow === "block" || known.hasReturned(queue.name)) continue;
    const wrong = overLimit(queue.outbox, queue.options, known.largestBytes);
    if (wrong !== undefined) throw new Violation(`queue ${queue.name}: ${wrong}`);
  }
  const mostDeliveries = OUTGOING_BYTES + READ_BYTES + core.options.maxFrame;
  for (const peer of core.peers) {
    const { link } = peer;
    const deliveries = link.pendingBytes + link.writingBytes - link.answerBytes;
    if (deliveries > mostDeliveries && deliveries > mostDeliveries + retainedBytes(core) * 3) {
      throw new Violation(`client ${peer.number}: ${deliveries} bytes wait to be written`);
    }
    for (const live of peer.ids.values()) {
      if (live.kind === "responder" && live.unanswered > 1024) {
        throw new Violation(`client ${peer.number}: ${live.unanswered} requests are unanswered`);
      }
      if (live.kind !== "subscription" || live.outbox.overflow === "block") continue;
      // One that is empty is within any limit.
      if (live.outbox.messages === 0 && live.outbox.bytes === 0) continue;
      const limits = known.limitsOf(peer.number, live.sid);
      if (limits === undefined) continue;
      const wrong = overLimit(live.outbox, limits, known.largestBytes);
      if (wrong !== undefined) throw new Violation(`client ${peer.number}, subscription ${live.sid}: ${wrong}`);
    }
  }
}

function retainedBytes(core: Core): number {
  let bytes = 0;
  for (const { buf } of core.retained.chunks()) bytes += buf.length;
  return bytes;
}

/** What is wrong with what waits; the name is the caller's to tell: made for each receiver and event, it costs more than the look. */
function overLimit(outbox: Outbox, { maxMessages, maxBytes }: Limits, largestBytes: number): string | undefined {
  const { messages, bytes } = outbox;
  // A subscription that drops what is old does so at the end of the turn, of all that came in it.
  if (outbox.overflow === "drop-oldest" && outbox.touched) {
    return bytes > maxBytes + largestBytes + READ_BYTES ? `${bytes} bytes came in one turn` : undefined;
  }
  if (messages > maxMessages) return `${messages} wait, and ${maxMessages} may`;
  // With `latest` a larger message may take the place of a smaller one, however full it is.
  const isBound = outbox.overflow !== "latest";
  return isBound && bytes > maxBytes + largestBytes ? `${bytes} bytes wait, and ${maxBytes} may` : undefined;
}

/** Everything anew, frame by frame and chunk by chunk. */
export function checkThoroughly(core: Core): void {
  const { problems } = check(core);
  if (problems.length > 0) throw new Violation(`counted anew: ${problems[0]}`);
}
