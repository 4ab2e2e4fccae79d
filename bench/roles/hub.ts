// The relay's middle: what the broker is for the bus.

import { type HubMode, startHub } from "../relay/hub.ts";
import type { Role } from "./role.ts";

export interface HubParams {
  readonly address: string;
  readonly mode: HubMode;
}

export const hub: Role<HubParams, void> = async ({ address, mode }, control) => {
  await startHub(address, mode);
  control.ready();
  await control.told("end");
};
