// The transport over a socket: bytes are read straight into the room that the connection gives, and leave as one gathered write.

import { closeSync, readSync } from "node:fs";
import { Socket } from "node:net";

import type { Transport, TransportSink } from "./core/transport.ts";

/** What libuv and the kernel know of a socket, as net.Socket keeps it. There is no public way to these. */
interface Handle {
  readonly fd: number;
  readonly writeQueueSize: number;
  close(): void;
}

/** What a dying socket's buffer can hold of unread input, with a margin: twice the kernel's default. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const nothing: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

export class SocketTransport implements Transport {
  /** The descriptor alone, until it is opened, of one that was accepted by hand. */
  #handle: Handle | number;
  #socket!: Socket;
  #sink: TransportSink | undefined;
  #isWriting = false;
  #hasEnded = false;
  #isDestroyed = false;

  /**
   * @param accepted a descriptor, non-blocking, or a socket of a server with `pauseOnConnect`, whose handle is taken over: reading into
   * buffers of one's own (`onread`) can be had in the constructor of net.Socket only (nodejs/node#53792).
   */
  constructor(accepted: Socket | number) {
    this.#handle = typeof accepted === "number" ? accepted : taken(accepted);
  }

  /** The descriptor, for as long as the socket is open. */
  get fd(): number {
    return typeof this.#handle === "number" ? this.#handle : this.#handle.fd;
  }

  /** Closes it, where it was never opened. */
  discard(): void {
    if (typeof this.#handle === "number") closeSync(this.#handle);
    else this.#handle.close();
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    const socket = new Socket({
      ...(typeof this.#handle === "number" ? { fd: this.#handle } : { handle: this.#handle }),
      allowHalfOpen: true,
      writableHighWaterMark: 1, // so that "drain" tells of the end of every write
      onread: {
        buffer: () => this.#sink?.room() ?? nothing,
        callback: (bytes: number) => {
          this.#sink?.filled(bytes);
          return true;
        },
      },
    } as unknown as ConstructorParameters<typeof Socket>[0]);
    this.#socket = socket;
    this.#handle = (socket as unknown as { _handle: Handle })._handle;
    socket.on("drain", () => this.#taken());
    socket.on("end", () => this.#end("the peer ended the stream"));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message));
    socket.on("close", () => this.#end("the connection is closed"));
    // A write that fails destroys the socket; what the peer sent before is still to be acted upon.
    const destroy = socket.destroy.bind(socket);
    socket.destroy = (error?: Error) => {
      if (error !== undefined && !this.#isDestroyed) this.#readRest();
      return destroy(error);
    };
    socket.resume();
  }

  write(ranges: readonly Buffer[]): boolean {
    const socket = this.#socket;
    if (this.#isDestroyed || socket.destroyed) return true;
    if (ranges.length === 1) {
      socket.write(ranges[0]!);
    } else {
      socket.cork();
      for (const range of ranges) socket.write(range);
      socket.uncork();
    }
    this.#isWriting = socket.writableLength > 0;
    return !this.#isWriting;
  }

  untakenBytes(): number {
    if (!this.#isWriting) return 0;
    return this.#socket.destroyed ? this.#socket.writableLength : (this.#handle as Handle).writeQueueSize;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (!this.#isDestroyed) this.#socket.end();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#sink = undefined;
    this.#socket.destroy();
  }

  #taken(): void {
    if (!this.#isWriting || this.#socket.writableLength > 0) return;
    this.#isWriting = false;
    this.#sink?.written();
  }

  #end(reason: string): void {
    if (this.#hasEnded || this.#isDestroyed) return;
    this.#hasEnded = true;
    this.#sink?.ended(reason);
  }

  /** Reads what is still in the socket, before it is closed. */
  #readRest(): void {
    if (this.#hasEnded || this.fd < 0) return;
    for (let total = 0, bytes = 0; total < MAX_UNREAD_BYTES && this.#sink !== undefined; total += bytes) {
      try {
        bytes = readSync(this.fd, this.#sink.room());
      } catch {
        return; // nothing is left, or the peer broke it off
      }
      if (bytes === 0) return;
      this.#sink.filled(bytes);
    }
  }
}

function taken(accepted: Socket): Handle {
  const holder = accepted as unknown as { _handle: Handle | null };
  const handle = holder._handle!;
  holder._handle = null;
  return handle;
}
