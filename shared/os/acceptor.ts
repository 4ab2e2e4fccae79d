// Accepts on a listening socket: Node does, or whoever has a reason takes it over and accepts by hand, one by one. Node can't be told to stop
// for a while but by closing its descriptor, so it gets a duplicate of one that stays open. Costs of one connection on Node 20: some 30 µs
// by Node, whether it is wanted or not, and 5 by hand where it is closed again. Knows nothing of why.

import { closeSync } from "node:fs";
import type { Server } from "node:net";

import { acceptedFd, duplicateFd, type Libc, systemError } from "./libc.ts";

/** How many wait while it is by hand, if the backlog is not shorter anyway: they are to have their turn soon. */
const BACKLOG_BY_HAND = 128;

export class Acceptor {
  readonly #libc: Libc;
  /** Bound, and this one's own. */
  readonly #fd: number;
  readonly #backlog: number;
  readonly #server: Server;
  #isClosed = false;

  /** @param fd is taken over: the acceptor closes it. */
  constructor(libc: Libc, fd: number, backlog: number, server: Server) {
    this.#libc = libc;
    this.#fd = fd;
    this.#backlog = backlog;
    this.#server = server;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Has Node accept: the server emits `connection`, or `error` where it can't. @throws the system's error */
  byNode(): void {
    this.#server.listen({ fd: duplicateFd(this.#libc, this.#fd), exclusive: true });
    // Node asks for 511 on a descriptor, whatever it is told; asking once more raises it.
    if (this.#libc.listen(this.#fd, this.#backlog) < 0) throw systemError(this.#libc, "listen", "");
  }

  /** Has Node stop: whoever connects waits until {@link next} takes it, or Node. Those who wait already go on to. */
  byHand(): void {
    if (this.#server.listening) this.#server.close();
    this.#libc.listen(this.#fd, Math.min(this.#backlog, BACKLOG_BY_HAND));
  }

  /** The descriptor of one that waits, non-blocking and close-on-exec; undefined where nobody does. */
  next(): number | undefined {
    return this.#isClosed ? undefined : acceptedFd(this.#libc, this.#fd);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // To close one that is closed would have it emit "close" once more.
    if (this.#server.listening) this.#server.close();
    closeSync(this.#fd);
  }
}
