// The process in the middle of the relay: forwards chunks as they are read, from those who connect to one name to those who connect
// to another, and back. No records, no topics, nobody to look up. It stops reading while too much of what it read is not taken.
// Cost: one read and one write a chunk and receiver; buffers are used again.

import { Socket } from "node:net";

import { parseAddress } from "../../shared/address.ts";
import { listen } from "../../shared/os/listen.ts";
import { RecordBounds } from "./bounds.ts";

/** `copy`: every receiver gets everything. `share`: chunks go to the receivers in turn, cut where a record ends. */
export type HubMode = "copy" | "share";

/** The names of the two ends. */
export const senderAddress = (address: string): string => `${address}-in`;
export const receiverAddress = (address: string): string => `${address}-out`;

const READ_BYTES = 256 * 1024;
/** Buffers that one connection's input may fill while they are not taken. */
const MAX_LENT = 16;

interface Lent {
  readonly buf: Buffer;
  /** Connections that have yet to take it. */
  takers: number;
}

/** Listens on both names; resolves once it does. */
export async function startHub(address: string, mode: HubMode): Promise<void> {
  const senders: Connection[] = [];
  const receivers: Connection[] = [];
  const [ins, outs] = await Promise.all([
    listen(parseAddress(senderAddress(address))),
    listen(parseAddress(receiverAddress(address))),
  ]);
  ins.server.on("connection", (socket) => senders.push(new Connection(socket, receivers, mode)));
  outs.server.on("connection", (socket) => receivers.push(new Connection(socket, senders, "copy")));
}

class Connection {
  readonly #socket: Socket;
  readonly #targets: readonly Connection[];
  readonly #bounds: RecordBounds | undefined;
  #turn = 0;
  #reading: Lent = { buf: Buffer.allocUnsafeSlow(READ_BYTES), takers: 0 };
  readonly #free: Lent[] = [];
  /** Buffers of this one's input that others have yet to take. */
  #lent = 0;
  /** What this one has yet to take, and whose input it is. */
  #untaken: { readonly lent: Lent; readonly owner: Connection }[] = [];

  constructor(accepted: Socket, targets: readonly Connection[], mode: HubMode) {
    this.#targets = targets;
    this.#bounds = mode === "share" ? new RecordBounds() : undefined;
    // Reading into buffers of one's own can be had in the constructor of net.Socket only.
    const holder = accepted as unknown as { _handle: unknown };
    const handle = holder._handle;
    holder._handle = null;
    this.#socket = new Socket({
      handle,
      writableHighWaterMark: 1, // so that "drain" tells of the end of every write
      onread: {
        buffer: () => this.#reading.buf,
        callback: (bytes: number) => {
          this.#forward(bytes);
          return true;
        },
      },
    } as unknown as ConstructorParameters<typeof Socket>[0]);
    this.#socket.on("drain", () => this.#taken());
    this.#socket.on("error", () => {}); // its process ended; what it had to say, it said
    this.#socket.resume();
  }

  #forward(bytes: number): void {
    const lent = this.#reading;
    const chunk = lent.buf.subarray(0, bytes);
    if (this.#bounds === undefined) for (const target of this.#targets) target.#send(chunk, lent, this);
    else this.#share(chunk, lent, this.#bounds);
    if (lent.takers === 0) return; // taken at once: the next read may use it again
    this.#lent++;
    this.#reading = this.#free.pop() ?? { buf: Buffer.allocUnsafeSlow(READ_BYTES), takers: 0 };
    if (this.#lent >= MAX_LENT) this.#socket.pause();
  }

  /** The rest of a record goes where its beginning went; what follows it goes to the next one. */
  #share(chunk: Buffer, lent: Lent, bounds: RecordBounds): void {
    const rest = bounds.take(chunk);
    if (rest > 0) this.#targets[this.#turn % this.#targets.length]!.#send(chunk.subarray(0, rest), lent, this);
    if (rest === chunk.length) return;
    this.#turn++;
    this.#targets[this.#turn % this.#targets.length]!.#send(chunk.subarray(rest), lent, this);
  }

  #send(chunk: Buffer, lent: Lent, owner: Connection): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.write(chunk);
    if (socket.writableLength === 0) return;
    lent.takers++;
    this.#untaken.push({ lent, owner });
  }

  #taken(): void {
    if (this.#socket.writableLength > 0) return;
    const untaken = this.#untaken;
    this.#untaken = [];
    for (const { lent, owner } of untaken) if (--lent.takers === 0) owner.#back(lent);
  }

  #back(lent: Lent): void {
    this.#free.push(lent);
    if (this.#lent-- === MAX_LENT) this.#socket.resume();
  }
}
