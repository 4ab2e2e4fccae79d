// PUB and RETAIN: the hot path. A frame goes, as the range of the chunk that it is, into the outbox of each receiver of its topic.
// Cost of a message: the look-up of its route, and for each receiver the extension of a range.

import { decodeText, extStart, isNil, strStart } from "../../../shared/codec/read.ts";
import type { Frame } from "../../../shared/codec/scan.ts";
import { EXT_VALUE } from "../../../shared/protocol.ts";
import { Verdict } from "../access.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { retainedKey, seal } from "../durable-keys.ts";
import { needStr, optionalMap } from "../elements.ts";
import { badFrame } from "../failure.ts";
import { overflow, Verdict as Overflowed } from "../overflow.ts";
import type { Outbox } from "../outbox.ts";
import type { Peer } from "../peer.ts";
import { readQueueHeaders } from "../queue-headers.ts";
import type { Route } from "../routes.ts";
import { Work } from "../work.ts";

/** Returns where the message went; undefined where it was refused. */
export function publish(
  core: Core,
  peer: Peer,
  frame: Frame,
  chunk: PooledChunk,
  isRetain: boolean,
): Route | undefined {
  const { buf } = chunk;
  const { at, count, start, end } = frame;
  const topic = count < 3 ? -1 : strStart(buf, at[1]!);
  const hasHeaders = count > 3 && !isNil(buf, at[3]!);
  if (topic < 0 || (hasHeaders && extStart(buf, at[3]!, EXT_VALUE) < 0)) {
    explainBadPublish(frame, buf);
  }
  const route = core.routes.find(chunk, topic, at[2]!);
  if (typeof route === "string") return refuse(peer, "bad_topic", route, buf, topic, at[2]!);
  if (route.system) {
    return refuse(
      peer,
      "not_allowed",
      "topics that begin with $ are the broker's own; publish to another",
      buf,
      topic,
      at[2]!,
    );
  }
  const { access } = core;
  if ((route.verdicts[peer.role.index]! & Verdict.PUBLISH) === 0 && !access.mayPublish(route, peer.role)) {
    const why = access.denial(peer.subject, "publish", route.topic);
    return refuse(peer, "not_allowed", why, buf, topic, at[2]!);
  }
  if (peer.off.size > 0 && !core.flow.admit(peer, route, end - start)) {
    const why = `the queue that this leads to is full, and this client empties it; read on before publishing more (option headroom)`;
    core.limited.headroom++;
    return refuse(peer, "limit", why, buf, topic, at[2]!);
  }
  if (isRetain) retain(core, peer, route, frame, chunk);
  countPublished(core, peer, route, 1, end - start);
  const { outboxes } = route;
  for (let i = 0; i < outboxes.length; i++) {
    const outbox = outboxes[i]!;
    if (outbox.full || (hasHeaders && outbox.heedsHeaders)) offer(core, peer, route, outbox, frame, chunk);
    else outbox.push(chunk, start, end);
  }
  return route;
}

/** `messages` were published on `route`. One that a receiver does not get after all is taken back ({@link offer}). */
export function countPublished(core: Core, peer: Peer, route: Route, messages: number, bytes: number): void {
  const deliveries = messages * route.outboxes.length;
  peer.published += messages;
  route.published += messages;
  route.publishedBytes += bytes;
  peer.delivered += deliveries;
  core.work += deliveries;
}

/** Adds the message where there is more to it than adding: the receiver is full, or a queue that heeds headers. */
function offer(core: Core, peer: Peer, route: Route, outbox: Outbox, frame: Frame, chunk: PooledChunk): void {
  core.work += Work.OFFER;
  const { start, end } = frame;
  const headers = outbox.heedsHeaders ? readQueueHeaders(chunk.buf, frame) : undefined;
  if (headers?.id !== undefined && !outbox.owner.isNew(headers.id)) return;
  const verdict = outbox.full ? overflow(core, peer, route.topic, outbox, chunk, start, end) : Overflowed.ADD;
  if (verdict === Overflowed.LEFT) peer.delivered--;
  if (verdict !== Overflowed.ADD) return;
  if (headers?.id !== undefined) outbox.owner.remember(headers.id);
  if (headers === undefined) outbox.push(chunk, start, end);
  else outbox.owner.take(chunk, start, end, headers);
}

function retain(core: Core, peer: Peer, route: Route, frame: Frame, { buf }: PooledChunk): void {
  if (isNil(buf, frame.at[2]!)) {
    core.retained.clear(route.topic);
    if (core.durability.isOn) core.durability.remove(retainedKey(route.topic));
  } else if (core.pressure.isShortOf(frame.end - frame.start - core.retained.bytesOf(route.topic))) {
    const message = "the broker's memory limit is reached (option memoryLimit); the message was only delivered";
    core.limited.memoryLimit++;
    peer.error(undefined, "limit", message, route.topic);
  } else if (!core.retained.keep(route.topic, buf, frame.start, frame.end)) {
    const most = core.options.maxRetained;
    core.limited.maxRetained++;
    const message = `${most} topics have a retained value, which is the limit (option maxRetained); the message was only delivered`;
    peer.error(undefined, "limit", message, route.topic);
  } else if (core.durability.isOn) {
    const key = retainedKey(route.topic);
    core.durability.put(key, seal(key, buf, frame.start, frame.end));
  }
}

function refuse(
  peer: Peer,
  code: "bad_topic" | "not_allowed" | "limit",
  why: string,
  buf: Buffer,
  start: number,
  end: number,
): undefined {
  peer.error(undefined, code, why, decodeText(buf, start, end));
}

/** The frame is not of the form of its op: says how. */
function explainBadPublish(frame: Frame, buf: Buffer): never {
  needStr(buf, frame, 1, "topic");
  if (frame.count < 3) throw badFrame("element 2, payload, is missing");
  optionalMap(buf, frame, 3, "headers");
  throw badFrame("a publish that can't be read");
}
