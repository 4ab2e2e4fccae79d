// The transport over a unix socket. It reads straight into the room that the client gives (`onread`), and tells whether the kernel
// took a write at once, so that the buffer can be used again in the same turn. Cost: a few calls a read or write, nothing a message.

import type { OnReadOpts, Socket } from "node:net";

import type { Transport, TransportSink } from "./transport.ts";

export class SocketTransport implements Transport {
  readonly #sink: TransportSink;
  #socket!: Socket;
  #writing = false;
  #over = false;
  #reason = "the broker closed the connection";

  private constructor(sink: TransportSink) {
    this.#sink = sink;
  }

  /** Connects by `open`, which is given the options that make the socket read into the sink's room. */
  static async open(
    sink: TransportSink,
    open: (options: { onread: OnReadOpts }) => Promise<Socket>,
  ): Promise<SocketTransport> {
    const transport = new SocketTransport(sink);
    const onread: OnReadOpts = {
      buffer: () => sink.room(),
      callback: (bytes) => {
        if (!transport.#over) sink.filled(bytes);
        return true;
      },
    };
    transport.#attach(await open({ onread }));
    return transport;
  }

  write(ranges: readonly Buffer[]): boolean {
    const socket = this.#socket;
    const last = ranges.length - 1;
    if (last > 0) {
      socket.cork();
      for (let i = 0; i < last; i++) socket.write(ranges[i]!);
    }
    socket.write(ranges[last]!, this.#taken);
    if (last > 0) socket.uncork();
    if (socket.writableLength === 0) return true;
    this.#writing = true;
    return false;
  }

  untakenBytes(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#reason = `the connection to the broker failed (${error.code ?? error.message})`;
    });
    socket.once("end", () => {
      this.#finish();
      socket.destroy();
    });
    socket.once("close", () => this.#finish());
  }

  readonly #taken = (): void => {
    if (!this.#writing || this.#over || this.#socket.writableLength > 0) return;
    this.#writing = false;
    this.#sink.written();
  };

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.ended(this.#reason);
  }
}
