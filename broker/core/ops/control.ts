// The short ones: SYNC, XOFF, XON, PING, PONG, BYE.

import type { Frame } from "../../../shared/codec/scan.ts";
import { FrameWriter } from "../../../shared/codec/write.ts";
import { Op } from "../../../shared/protocol.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { needId, optionalStr } from "../elements.ts";
import { SYNCING } from "../live.ts";
import type { Peer } from "../peer.ts";

const writer: FrameWriter = new FrameWriter(64);

/** All that came before has taken effect, its errors were sent, and its deliveries are counted: frames are acted upon in order. */
export function sync(core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  const id = needId(chunk.buf, frame, 1, "id");
  peer.needFree(id, "id");
  peer.forgetCancelled();
  const { delivered } = peer;
  peer.delivered = 0;
  const version = peer.changesUpTo();
  if (core.durability.hasWritten(version)) return peer.answer(writer.reset().frame(3, Op.OK).int(id).int(delivered));
  peer.ids.set(id, SYNCING);
  core.durability.sync((error) => {
    if (peer.closed) return;
    peer.ids.delete(id);
    if (error === undefined) peer.answer(writer.reset().frame(3, Op.OK).int(id).int(delivered));
    else if (core.durability.isClosed) peer.error(id, "closing", error.message);
    else
      peer.error(
        id,
        "unavailable",
        `the disk failed, and what was sent before may not be kept (${error.message}); try again`,
      );
    peer.checkDone();
  }, version);
}

/** The client holds a subscription: XOFF, or lets it go on: XON. */
export function hold(isHeld: boolean): (core: Core, peer: Peer, frame: Frame, chunk: PooledChunk) => void {
  return (_core, peer, frame, chunk) => {
    const live = peer.ids.get(needId(chunk.buf, frame, 1, "sid"));
    if (live !== undefined && "hold" in live) live.hold(isHeld);
  };
}

export function ping(_core: Core, peer: Peer): void {
  peer.answer(writer.reset().frame(1, Op.PONG));
}

/** That it was heard is all that it says. */
export function pong(): void {}

export function bye(_core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  optionalStr(chunk.buf, frame, 1, "reason");
  peer.leave();
  peer.checkDone();
}
