// `$sys.wait {topic, for?, timeoutMs?}`: answered as soon as somebody listens to the topic.

import { DEFAULT_WAIT_MS, MAX_ID } from "../../../shared/protocol.ts";
import { topicTextProblem } from "../../../shared/topic.ts";
import type { Core } from "../core.ts";
import type { Peer } from "../peer.ts";

export function wait(
  core: Core,
  peer: Peer,
  id: number,
  asked: Record<string, unknown> | undefined,
  timeoutMs: number,
): void {
  const topic = asked?.["topic"];
  if (typeof topic === "string" && !core.access.mayAskAbout(topic, peer.role)) {
    return peer.error(id, "not_allowed", core.access.denial(peer.subject, "wait", topic));
  }
  const who = asked?.["for"] ?? undefined;
  const ms = asked?.["timeoutMs"] ?? undefined;
  const problem = typeof topic === "string" ? topicTextProblem(topic) : "the argument must be a map with a topic";
  if (problem !== undefined) return peer.replyError(id, problem, "bad_topic");
  if (who !== undefined && who !== "responder") {
    return peer.replyError(id, `for must be "responder" or left out`, "bad_option");
  }
  if (ms !== undefined && !(Number.isSafeInteger(ms) && (ms as number) >= 0 && (ms as number) <= MAX_ID)) {
    return peer.replyError(id, "timeoutMs must be an integer of milliseconds", "bad_option");
  }
  core.waits.add(
    peer,
    id,
    topic as string,
    who === "responder",
    (ms as number | undefined) ?? DEFAULT_WAIT_MS,
    timeoutMs,
  );
}
