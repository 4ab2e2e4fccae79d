// Publishes objects of ten fields, each made for its message.

import { makeObject } from "../sample-object.ts";
import { loadSide, type Objects, type SideWith } from "../sides/side.ts";
import { publishFor, type PublishParams, type PublishResult } from "./publish.ts";
import type { Role } from "./role.ts";

interface PublishObjectsParams extends Omit<PublishParams, "bytes"> {
  readonly side: SideWith<Objects>;
}

export const publishObjects: Role<PublishObjectsParams, PublishResult> = async (params, control) => {
  const sender = await (await loadSide(params.side)).objectSender(params.address);
  return publishFor(params, sender, control, (topic, number, marks) =>
    sender.publishObject(topic, makeObject(number, marks)),
  );
};
