// HELLO: the client's half of the opening. The broker spoke first (Core.connect).

import { isNil, readInt } from "../../../shared/codec/read.ts";
import type { Frame } from "../../../shared/codec/scan.ts";
import { isFaithful, readMap } from "../../../shared/codec/value.ts";
import { FrameWriter } from "../../../shared/codec/write.ts";
import { MAX_NAME_BYTES, Op, PROTOCOL_VERSION } from "../../../shared/protocol.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { Failure } from "../failure.ts";
import type { Peer } from "../peer.ts";

const writer: FrameWriter = new FrameWriter(64);

export function hello(_core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  const { buf } = chunk;
  const version = frame.count < 2 ? Number.NaN : readInt(buf, frame.at[1]!);
  if (version !== PROTOCOL_VERSION) {
    const came = Number.isNaN(version) ? "none" : version;
    throw bad(`HELLO must name the protocol's version, ${PROTOCOL_VERSION}; what came was ${came}`);
  }
  const name = readName(buf, frame);
  peer.answer(writer.reset().frame(2, Op.OK).int(0));
  peer.open(name);
}

function readName(buf: Buffer, frame: Frame): string | undefined {
  if (frame.count < 3 || isNil(buf, frame.at[2]!)) return undefined;
  const start = frame.at[2]!;
  const end = frame.at[3]!;
  const options = readMap(buf, start, end);
  if (options === undefined) throw bad("the options of HELLO must be one map in an ext of type 1");
  const name = options["name"];
  if (name === undefined || name === null) return undefined;
  const isText = typeof name === "string" && isFaithful(name, buf, start, end);
  const isName = isText && name !== "" && Buffer.byteLength(name) <= MAX_NAME_BYTES;
  // oxlint-disable-next-line no-control-regex -- those are what is refused
  if (!isName || /[\u0000-\u001f\u007f-\u009f]/.test(name)) {
    throw bad(`the name in HELLO must be 1 to ${MAX_NAME_BYTES} bytes of text without control characters`);
  }
  return name;
}

function bad(message: string): Failure {
  return new Failure("bad_hello", message);
}
