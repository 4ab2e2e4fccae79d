// A topic that the broker told us to hold (XOFF): why, what waits here until XON, and who awaits that.

import type { Run } from "./backlog.ts";
import { Deque } from "./deque.ts";
import { Later } from "./later.ts";

export class Hold {
  /** What holds it up, in the broker's words: `queue NAME` or `client NUMBER`. */
  readonly why: string | undefined;
  readonly queue: Deque<Run> = new Deque();
  /** Resolves at XON, or when the connection that was told so is gone. */
  over: Later = new Later();
  /** Cancels the rescue that is due, if one is. */
  rescue: (() => void) | undefined;

  constructor(why: string | undefined) {
    this.why = why;
  }
}
