// Floods a broker with connections that send garbage, and counts those that were made.

import { Flooder } from "../flooder.ts";
import type { Role } from "./role.ts";

export interface FloodParams {
  readonly address: string;
  /** Garbage that each sends, in bytes. */
  readonly bytes: number;
}

/** Is told `go`, then `stop`. Resolves with how many connections there were. */
export const flood: Role<FloodParams, number> = async ({ address, bytes }, control) => {
  const garbage = Buffer.from(Array.from({ length: bytes }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24));
  control.ready();
  await control.told("go");
  const flooder = new Flooder(address, garbage);
  await control.told("stop");
  await flooder.stop();
  return flooder.made;
};
