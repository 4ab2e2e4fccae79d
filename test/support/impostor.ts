// Somebody who took a name that a broker should have. It says what a test has it say, or passes every byte on to the real broker and
// back; and it keeps all that came to it.

import type { Socket } from "node:net";

import { parseAddress } from "../../shared/address.ts";
import { connectSocket } from "../../shared/os/connect.ts";
import { listen, type Listening } from "../../shared/os/listen.ts";

export class Impostor implements Disposable {
  readonly #listening: Listening;
  readonly #sockets: Socket[] = [];
  #came: Buffer = Buffer.alloc(0);
  /** Connections that were made to it. */
  connections = 0;

  private constructor(listening: Listening, play: (victim: Socket) => void | Promise<void>) {
    this.#listening = listening;
    listening.server.on("connection", (victim) => {
      this.connections++;
      this.#keep(victim);
      void play(victim);
      victim.resume();
    });
  }

  /** Sends `said` to whoever connects, at once. */
  static async saying(address: string, ...said: Buffer[]): Promise<Impostor> {
    return new Impostor(await listen(parseAddress(address, { autobind: true })), (victim) => {
      for (const bytes of said) victim.write(bytes);
    });
  }

  /** Passes everything on to the broker at `to`, and back. */
  static async relaying(address: string, to: string): Promise<Impostor> {
    const listening = await listen(parseAddress(address, { autobind: true }));
    const impostor: Impostor = new Impostor(listening, async (victim) => {
      const early: Buffer[] = [];
      const keep = (bytes: Buffer): void => void early.push(bytes);
      victim.on("data", keep);
      const broker = await connectSocket(parseAddress(to));
      impostor.#sockets.push(broker);
      broker.on("error", () => {});
      victim.off("data", keep);
      for (const bytes of early) broker.write(bytes);
      victim.pipe(broker);
      broker.pipe(victim);
    });
    return impostor;
  }

  get address(): string {
    return this.#listening.address;
  }

  /** All that came to it, of everybody. */
  get came(): Buffer {
    return this.#came;
  }

  [Symbol.dispose](): void {
    this.#listening.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(victim: Socket): void {
    this.#sockets.push(victim);
    victim.on("error", () => {});
    victim.on("data", (bytes: Buffer) => {
      this.#came = Buffer.concat([this.#came, bytes]);
    });
  }
}
