// The topics that the broker itself responds to, one file each where it is more than a few lines.

import { quote } from "../../../shared/quote.ts";
import type { Core } from "../core.ts";
import type { Peer } from "../peer.ts";
import type { Power } from "../rules.ts";
import { check } from "./check.ts";
import { clients } from "./clients.ts";
import { answerQueueCall, QUEUE_CALLS } from "./queue.ts";
import { queues } from "./queues.ts";
import { ping, stats } from "./stats.ts";
import { topics } from "./topics.ts";
import { Work, WORK_A_TURN } from "../work.ts";
import { wait } from "./wait.ts";

type Arguments = Record<string, unknown> | undefined;

const ANSWERS: Readonly<Record<string, (core: Core) => unknown>> = {
  "$sys.ping": ping,
  "$sys.stats": stats,
  "$sys.clients": clients,
  "$sys.topics": topics,
  "$sys.queues": queues,
  "$sys.check": check,
};

/** What who asks must be permitted. A sign of life is everybody's; of a wait its topic decides. */
const NEEDS: Readonly<Record<string, Power>> = {
  "$sys.stats": "sys",
  "$sys.clients": "sys",
  "$sys.topics": "sys",
  "$sys.queues": "sys",
  "$sys.queue.show": "sys",
  "$sys.check": "admin", // holds up all others for as long as it counts
  "$sys.queue.purge": "admin",
  "$sys.queue.remove": "admin",
  "$sys.queue.update": "admin",
  "$sys.queue.replay": "admin",
};

export function answerSystemRequest(
  core: Core,
  peer: Peer,
  id: number,
  topic: string,
  asked: Arguments,
  timeoutMs: number,
): void {
  const power = Object.hasOwn(NEEDS, topic) ? NEEDS[topic] : undefined;
  if (power !== undefined && !peer.role.has(power)) {
    return peer.error(id, "not_allowed", core.access.denial(peer.subject, power, topic));
  }
  const answer = Object.hasOwn(ANSWERS, topic) ? ANSWERS[topic] : undefined;
  core.work += Work.ANSWER + Work.LOOK * (core.peers.size + core.queues.size);
  if (answer !== undefined) {
    if (answer === check || answer === topics) core.work += WORK_A_TURN; // they look at everything
    return peer.replyValue(id, answer(core));
  }
  if (topic === "$sys.wait") return wait(core, peer, id, asked, timeoutMs);
  const call = Object.hasOwn(QUEUE_CALLS, topic) ? QUEUE_CALLS[topic] : undefined;
  if (call !== undefined) return answerQueueCall(core, peer, id, call, asked);
  const known = [...Object.keys(ANSWERS), "$sys.wait", ...Object.keys(QUEUE_CALLS)].join(", ");
  peer.error(id, "no_responders", `the broker does not respond to ${quote(topic)}; it responds to ${known}`);
}
