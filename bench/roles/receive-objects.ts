// Receives objects, reads every field of each, and keeps the books of them.

import { nowNs } from "../clock.ts";
import { isObject, marksOfObject } from "../sample-object.ts";
import { settled } from "../settle.ts";
import { loadSide, type Objects, type SideWith } from "../sides/side.ts";
import { Tally, type TallyResult } from "../tally.ts";
import { LOST_MS, type ReceiveParams } from "./receive.ts";
import type { Role } from "./role.ts";

interface ReceiveObjectsParams extends Omit<ReceiveParams, "bytes" | "options"> {
  readonly side: SideWith<Objects>;
}

export const receiveObjects: Role<ReceiveObjectsParams, TallyResult> = async (params, control) => {
  const { side, address, pattern } = params;
  const tally = new Tally("all", 0, nowNs);
  let fault: string | undefined;
  await (
    await loadSide(side)
  ).receiveObjects(address, pattern, (object) => {
    if (!isObject(object, tally.count)) fault ??= `expected object ${tally.count}, and got ${JSON.stringify(object)}`;
    tally.takeNumber(object.id, marksOfObject(object));
  });
  control.ready();
  const sent = (await control.told("expect")) as number;
  await settled(() => tally.count, sent, LOST_MS);
  return { ...tally.result(), fault };
};
