// What users, secrets and rules cost the broker: its processor time a message, one to one, with all of them and without.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connect } from "../../client/index.ts";
import { measureFlow, TOPIC } from "../flow.ts";
import type { Measure, Scenario } from "./scenario.ts";

const FLOW = { bytes: 128 };
const NAME = "bench";
/** Rules for others, which are looked through as well. */
const OTHERS = 50;

const measure: Measure = measureFlow("bus", FLOW);

export const rules: Scenario = {
  name: "rules",
  what: "the broker's processor time with users, secret and rules, and without",
  metrics: [
    { key: "cpu", unit: "s a million", bar: { of: "ratio", at: "most", value: 1.05 } },
    { key: "asked", unit: "times", by: "difference", bar: { of: "bus", at: "most", value: 2 } },
  ],
  base: { name: "without", measure: async (setting) => ({ ...(await measure(setting)), asked: 0 }) },
  bus: async (setting) => {
    const folder = mkdtempSync(join(tmpdir(), "podbus-bench-"));
    try {
      const secret = join(folder, NAME);
      writeFileSync(secret, "the secret of the benchmark");
      writeFileSync(join(folder, ".rules.json"), JSON.stringify({ rules: rulesOfAll() }));
      const { stage } = setting;
      stage.brokerArguments = [
        "--allow",
        "uid:1001,gid:2000",
        "--secret-file",
        folder,
        "--rules",
        `${folder}/.rules.json`,
      ];
      stage.environment = { PODBUS_NAME: NAME, PODBUS_SECRET_FILE: secret };
      const measured = await measure(setting);
      await using bus = await connect({ address: stage.address, name: NAME, secretFile: secret });
      const { rulesAsked } = (await bus.request("$sys.stats", {})) as { rulesAsked: number };
      if (rulesAsked === 0) throw new Error("the broker asked no rule: it ran without them");
      return { ...measured, asked: rulesAsked };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function rulesOfAll(): unknown[] {
  const others = Array.from({ length: OTHERS }, (_, i) => ({
    who: [{ identity: `other-${i}` }, { uid: 10_000 + i }],
    publish: [`other.${i}.>`, "metrics.>"],
    subscribe: `other.${i}.*`,
  }));
  return [...others, { who: { identity: NAME }, publish: TOPIC, subscribe: TOPIC, sys: true }];
}
