// HELLO: the client's half of the opening. The broker spoke first (Core.connect).

import { isNil, readInt } from "../../../shared/codec/read.ts";
import type { Frame } from "../../../shared/codec/scan.ts";
import { isFaithful, readMap, writeValue } from "../../../shared/codec/value.ts";
import { FrameWriter } from "../../../shared/codec/write.ts";
import { isNonce, provenAddress, prove } from "../../../shared/proof.ts";
import { MAX_NAME_BYTES, Op, PROTOCOL_VERSION } from "../../../shared/protocol.ts";
import type { PooledChunk } from "../chunks.ts";
import type { Core } from "../core.ts";
import { Failure } from "../failure.ts";
import type { Peer } from "../peer.ts";

const writer: FrameWriter = new FrameWriter(64);

export function hello(core: Core, peer: Peer, frame: Frame, chunk: PooledChunk): void {
  const { buf } = chunk;
  const version = frame.count < 2 ? Number.NaN : readInt(buf, frame.at[1]!);
  if (version !== PROTOCOL_VERSION) {
    const came = Number.isNaN(version) ? "none" : version;
    throw bad(`HELLO must name the protocol's version, ${PROTOCOL_VERSION}; what came was ${came}`);
  }
  const options = readOptions(buf, frame);
  peer.name = readName(options["name"], buf, frame);
  const proof = authenticate(core, peer, options);
  writer
    .reset()
    .frame(proof === undefined ? 2 : 3, Op.OK)
    .int(0);
  if (proof !== undefined) writeValue(writer, { proof });
  peer.answer(writer);
  peer.open();
}

function readOptions(buf: Buffer, frame: Frame): Record<string, unknown> {
  if (frame.count < 3 || isNil(buf, frame.at[2]!)) return {};
  const options = readMap(buf, frame.at[2]!, frame.at[3]!, true);
  if (options === undefined) throw bad("the options of HELLO must be one map in an ext of type 1");
  return options;
}

/** Has `peer` prove that it has a secret, where the broker has any. Returns the broker's own proof. */
function authenticate(core: Core, peer: Peer, options: Record<string, unknown>): Buffer | undefined {
  const { secrets } = core;
  if (secrets === undefined) return undefined;
  const clientNonce = options["nonce"];
  if (!isNonce(clientNonce)) {
    const message = "this broker asks for a secret, and HELLO has no nonce of 16 bytes; give the client the secret";
    throw new Failure("bad_auth", `${message} (secretFile, PODBUS_SECRET_FILE)`);
  }
  const challenge = { brokerNonce: peer.nonce, clientNonce, address: provenAddress(core.address) };
  peer.proved = secrets.proved(peer.name, challenge, options["proof"]);
  if (peer.proved === undefined) {
    // The same for a name that has no secret, so that nobody learns which names there are.
    const message =
      "the proof is wrong or missing: give the client the secret that goes with its name and this address";
    throw new Failure("bad_auth", `${message} (secretFile, PODBUS_SECRET_FILE)`);
  }
  return prove("broker", peer.proved.secret, challenge);
}

function readName(name: unknown, buf: Buffer, frame: Frame): string | undefined {
  if (name === undefined || name === null) return undefined;
  const isText = typeof name === "string" && isFaithful(name, buf, frame.at[2]!, frame.at[3]!);
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
