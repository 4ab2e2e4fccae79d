// REQ, REPLY and CANCEL.

import type { Frame } from "../../../shared/codec/scan.ts";
import { readMap } from "../../../shared/codec/value.ts";
import { MAX_ID } from "../../../shared/protocol.ts";
import { Verdict } from "../access.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { has, need, needId, needInt, needStr, optionalMap } from "../elements.ts";
import type { Peer } from "../peer.ts";
import { answerSystemRequest } from "../sys/index.ts";

export function request(core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  const { buf } = chunk;
  const id = needId(buf, frame, 1, "id");
  const topic = needStr(buf, frame, 2, "topic");
  const payload = need(frame, 3, "payload");
  optionalMap(buf, frame, 4, "headers");
  const timeoutMs = has(buf, frame, 5) ? needInt(buf, frame, 5, "timeoutMs", 0, MAX_ID) : 0;
  peer.needFree(id, "id");
  if (core.isClosing || peer.leaving) {
    return peer.error(id, "closing", "the broker or this connection is ending; ask through the next one");
  }
  const { maxRequests } = core.options;
  if (peer.requests >= maxRequests) {
    core.limited.maxRequests++;
    const message = `${maxRequests} requests of this connection are unanswered, which is the limit (option maxRequests); wait for answers`;
    return peer.error(id, "limit", message);
  }
  const route = core.routes.find(chunk, topic, frame.at[3]!);
  if (typeof route === "string") return peer.error(id, "bad_topic", route);
  if (route.system) {
    return answerSystemRequest(core, peer, id, route.topic, readMap(buf, payload, frame.at[4]!, true), timeoutMs);
  }
  const { access } = core;
  if ((route.verdicts[peer.role.index]! & Verdict.REQUEST) === 0 && !access.mayRequest(route, peer.role)) {
    return peer.error(id, "not_allowed", access.denial(peer.subject, "request", route.topic));
  }
  core.requests.ask(peer, id, route, frame, chunk, timeoutMs);
}

export function reply(core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  needId(chunk.buf, frame, 1, "id");
  needInt(chunk.buf, frame, 2, "status", 0, 2);
  need(frame, 3, "payload");
  optionalMap(chunk.buf, frame, 4, "headers");
  core.requests.reply(peer, frame, chunk);
}

export function cancel(core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  const id = needId(chunk.buf, frame, 1, "id");
  const live = peer.ids.get(id);
  if (live === undefined) return;
  if (live.kind === "call") core.requests.cancelled(live);
  else if (live.kind === "wait") core.waits.cancel(live);
  else return;
  peer.cancelled(id);
}
