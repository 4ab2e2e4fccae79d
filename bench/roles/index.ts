// All roles, by name.

import { answer } from "./answer.ts";
import { call } from "./call.ts";
import { drain } from "./drain.ts";
import { fill } from "./fill.ts";
import { flood } from "./flood.ts";
import { hub } from "./hub.ts";
import { pace } from "./pace.ts";
import { publish } from "./publish.ts";
import { publishConfirmed } from "./publish-confirmed.ts";
import { publishObjects } from "./publish-objects.ts";
import { receive } from "./receive.ts";
import { receiveMany } from "./receive-many.ts";
import { receiveObjects } from "./receive-objects.ts";
import { receivePaced } from "./receive-paced.ts";
import { startBroker } from "./start-broker.ts";
import { writeBatches } from "./write-batches.ts";

interface Roles {
  readonly answer: typeof answer;
  readonly call: typeof call;
  readonly drain: typeof drain;
  readonly fill: typeof fill;
  readonly flood: typeof flood;
  readonly hub: typeof hub;
  readonly pace: typeof pace;
  readonly publish: typeof publish;
  readonly publishConfirmed: typeof publishConfirmed;
  readonly publishObjects: typeof publishObjects;
  readonly receive: typeof receive;
  readonly receiveMany: typeof receiveMany;
  readonly receiveObjects: typeof receiveObjects;
  readonly receivePaced: typeof receivePaced;
  readonly startBroker: typeof startBroker;
  readonly writeBatches: typeof writeBatches;
}

export const roles: Roles = {
  answer,
  call,
  drain,
  fill,
  flood,
  hub,
  pace,
  publish,
  publishConfirmed,
  publishObjects,
  receive,
  receiveMany,
  receiveObjects,
  receivePaced,
  startBroker,
  writeBatches,
};
