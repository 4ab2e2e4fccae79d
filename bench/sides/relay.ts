// The relay's side: the same bytes without a bus, written with the same care. Topics and queues mean nothing to it.

import type { Socket } from "node:net";

import { parseAddress } from "../../shared/address.ts";
import { connectSocket } from "../../shared/os/connect.ts";
import { Batch } from "../relay/batch.ts";
import { receiverAddress, senderAddress } from "../relay/hub.ts";
import { readInto, type Scan, scanLines, scanRecords } from "../relay/reader.ts";
import type { SampleObject } from "../sample-object.ts";
import type { Messages, Objects, Requests } from "./side.ts";

export const relay: Messages & Requests & Objects = {
  async sender(address) {
    const batch = new Batch(await open(senderAddress(address), () => 0));
    return {
      publish: (_topic, payload) => putRecord(batch, payload, 0, payload.length),
      flush: () => batch.flushed(),
    };
  },

  async objectSender(address) {
    const batch = new Batch(await open(senderAddress(address), () => 0));
    let lines = "";
    batch.beforeWrite = () => {
      if (lines === "") return;
      batch.reserve(3 * lines.length); // in UTF-8, no more
      batch.length += batch.buf.write(lines, batch.length, "utf8");
      lines = "";
    };
    return {
      publishObject: (_topic, object) => {
        lines += JSON.stringify(object);
        lines += "\n";
        return batch.touched(lines.length);
      },
      flush: () => batch.flushed(),
    };
  },

  async receive(address, _pattern, _options, take) {
    await open(receiverAddress(address), scanRecords(take));
  },

  async receiveObjects(address, _pattern, take) {
    await open(
      receiverAddress(address),
      scanLines((value) => take(value as SampleObject)),
    );
  },

  async caller(address) {
    // One connection carries everything in order, so answers come in the order of the calls.
    const waiting: ((answer: Buffer) => void)[] = [];
    let first = 0;
    const scan = scanRecords((buf, start, end) => {
      waiting[first++]!(buf.subarray(start, end));
      if (first < 1024) return;
      waiting.splice(0, first);
      first = 0;
    });
    const batch = new Batch(await open(senderAddress(address), scan));
    return {
      call: (_topic, payload) =>
        new Promise((resolve) => {
          waiting.push(resolve);
          void putRecord(batch, payload, 0, payload.length);
        }),
    };
  },

  async answer(address) {
    let batch: Batch | undefined;
    const scan = scanRecords((buf, start, end) => void putRecord(batch!, buf, start, end));
    batch = new Batch(await open(receiverAddress(address), scan));
  },
};

async function open(address: string, scan: Scan): Promise<Socket> {
  const socket = await connectSocket(parseAddress(address), { onread: readInto(scan) });
  socket.on("error", () => {}); // the hub ended; its own failure is told
  return socket;
}

/** Below this a loop beats the call into the runtime. */
const LOOP_BYTES = 40;

function putRecord(batch: Batch, from: Buffer, start: number, end: number): Promise<void> | undefined {
  const bytes = end - start;
  batch.reserve(bytes + 4);
  const { buf } = batch;
  const at = batch.length;
  buf[at] = bytes;
  buf[at + 1] = bytes >>> 8;
  buf[at + 2] = bytes >>> 16;
  buf[at + 3] = bytes >>> 24;
  if (bytes <= LOOP_BYTES) for (let i = 0; i < bytes; i++) buf[at + 4 + i] = from[start + i]!;
  else buf.set(start === 0 && end === from.length ? from : from.subarray(start, end), at + 4);
  batch.length = at + 4 + bytes;
  return batch.touched();
}
