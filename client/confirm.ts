// One publish whose receivers are to be counted: the frame, kept until the broker has answered the SYNC behind it, and who waits.

import type { PodbusError } from "../shared/errors.ts";
import type { Topic } from "./topic-table.ts";

export interface Confirm {
  readonly topic: Topic;
  readonly frame: Buffer;
  /** The broker refused it: certain, if nothing else can have been meant. */
  refusal: { error: PodbusError; certain: boolean } | undefined;
  readonly resolve: (receivers: number) => void;
  readonly reject: (error: PodbusError) => void;
}
