// Objects of ten fields, made by the publisher and read field by field by the subscriber: as the bus encodes them, and as JSON lines
// through the relay.

import { rateOfCopies, TOPIC } from "../flow.ts";
import type { Objects, SideWith } from "../sides/side.ts";
import type { Measure, Scenario } from "./scenario.ts";

export const structured: Scenario = {
  name: "structured",
  what: "objects of ten fields, against JSON lines",
  metrics: [{ key: "rate", unit: "msg/s", bar: { of: "ratio", at: "least", value: 1 } }],
  base: { name: "relay", measure: measureObjects("relay") },
  bus: measureObjects("bus"),
};

function measureObjects(side: SideWith<Objects>): Measure {
  return async ({ stage, durationMs, warmUpMs }) => {
    const { address } = stage;
    await stage.middle(side);
    const receiver = await stage.worker("receiveObjects", { side, address, pattern: TOPIC });
    const params = { side, address, topics: [TOPIC], warmUpMs, durationMs, tail: 1 };
    const publisher = await stage.worker("publishObjects", params);
    publisher.tell("go");
    const { sent, warmUp } = await publisher.result;
    receiver.tell("expect", sent);
    return { rate: rateOfCopies([await receiver.result], sent, warmUp) };
  };
}
