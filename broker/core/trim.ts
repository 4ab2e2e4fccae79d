// Lets go of the chunks that a burst has left free, once a quiet second has not needed them: a sidecar's memory is its pod's.

import type { Timed } from "../../shared/deadlines.ts";
import { KEPT_FREE_BYTES } from "./chunks.ts";
import type { Alarm, Core } from "./core.ts";
import { COLLECTED_BYTES } from "./pressure.ts";

/** How long nobody must have needed them. */
const QUIET_MS = 1000;

export class Trim implements Timed, Alarm {
  readonly #core: Core;
  heapIndex = -1;
  dueMs = 0;
  dueOrder = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** At the end of a turn. */
  check(): void {
    const { chunks, deadlines } = this.#core;
    if (this.heapIndex < 0 && chunks.freeBytes > KEPT_FREE_BYTES) deadlines.set(this, this.#core.nowMs() + QUIET_MS);
  }

  due(): void {
    const { chunks, env } = this.#core;
    if (chunks.trim() >= COLLECTED_BYTES) {
      chunks.discardedBytes = 0;
      env.collect();
    }
    this.check();
  }
}
