// Which function acts on which op. An op without one is not a client's to send.

import type { Frame } from "../../../shared/codec/scan.ts";
import { Op } from "../../../shared/protocol.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { badFrame } from "../failure.ts";
import type { Peer } from "../peer.ts";
import { ack } from "./ack.ts";
import { bye, hold, ping, pong, sync } from "./control.ts";
import { hello } from "./hello.ts";
import { publish } from "./publish.ts";
import { cancel, reply, request } from "./request.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";

type Act = (core: Core, peer: Peer, frame: Frame, chunk: PooledChunk) => void;

export const OPS: readonly (Act | undefined)[] = ops();

function ops(): (Act | undefined)[] {
  const table: (Act | undefined)[] = [];
  table[Op.HELLO] = (core, peer, frame, chunk) => {
    if (peer.opened) throw badFrame("HELLO may be sent once only");
    hello(core, peer, frame, chunk);
  };
  table[Op.SUB] = subscribe;
  table[Op.UNSUB] = unsubscribe;
  table[Op.SYNC] = sync;
  table[Op.REQ] = request;
  table[Op.REPLY] = reply;
  table[Op.CANCEL] = cancel;
  table[Op.ACK] = ack;
  table[Op.XOFF] = hold(true);
  table[Op.XON] = hold(false);
  table[Op.PING] = ping;
  table[Op.PONG] = pong;
  table[Op.BYE] = bye;
  table[Op.RETAIN] = (core, peer, frame, chunk) => publish(core, peer, frame, chunk, true);
  return table;
}
