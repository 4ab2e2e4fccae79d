// What a number of a connection can stand for: ids and sids are one number space.

import type { Member } from "./member.ts";
import type { Call } from "./requests.ts";
import type { Responder } from "./responder.ts";
import type { Subscription } from "./subscription.ts";
import type { Wait } from "./waits.ts";

/** An id that was cancelled: its number is taken until the OK of a later SYNC. */
export const CANCELLED = { kind: "cancelled" } as const;

/** A SYNC whose OK waits for the disk. */
export const SYNCING = { kind: "syncing" } as const;

export type Live = Subscription | Member | Responder | Call | Wait | typeof CANCELLED | typeof SYNCING;
