// Publishes objects of ten fields, each made for its message.

import { makeObject } from "../sample-object.ts";
import { loadSide } from "../sides/side.ts";
import { publishFor, type PublishParams, type PublishResult } from "./publish.ts";
import type { Role } from "./role.ts";

export const publishObjects: Role<Omit<PublishParams, "bytes">, PublishResult> = async (params, control) => {
  const sender = await (await loadSide(params.side)).sender(params.address);
  return publishFor(params, sender, control, (topic, number, marks) =>
    sender.publishObject(topic, makeObject(number, marks)),
  );
};
