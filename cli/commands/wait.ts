// `podbus wait`: until a topic has a subscriber or a responder. It waits for the broker as well, so that containers may start in any
// order.

import { Option } from "commander";

import { hasCode, withBus } from "../bus.ts";
import { type ConnectionOptions, durationOption, newCommand, topicArgument, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { CommandFailure, Exit } from "../usage.ts";

const FOR = ["any", "responder"] as const;

interface WaitOptions extends ConnectionOptions {
  for: (typeof FOR)[number];
  timeout: number;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("wait", "Waits until somebody subscribes to a topic or responds there.", [
      { line: "podbus wait orders.eu.created", what: "a subscriber, a queue's member or a responder" },
      { line: "podbus wait math.add --for responder --timeout 10s", what: "a responder" },
    ]),
  )
    .argument("<topic>", "such as orders.eu.created", topicArgument)
    .addOption(new Option("--for <kind>", "whom to wait for").choices(FOR).default("any"))
    .addOption(
      new Option("--timeout <duration>", "how long to wait, for the broker too unless --connect-timeout says otherwise")
        .argParser(durationOption)
        .default(30_000, "30s"),
    );
  command.parse(args, { from: "user" });
  const options = command.opts<WaitOptions>();
  const [topic] = command.processedArgs as [string];
  const isDefault = command.getOptionValueSource("connectTimeout") === "default";
  const connection = { ...options, connectTimeout: isDefault ? options.timeout : options.connectTimeout };
  const responder = options.for === "responder";
  await withBus(connection, async (bus) => {
    try {
      await bus.waitFor(topic, { timeoutMs: options.timeout, ...(responder && { for: "responder" as const }) });
    } catch (error) {
      if (!hasCode(error, "timeout", "application")) throw error;
      const who = responder ? "responds to" : "subscribes or responds to";
      throw new CommandFailure(`nobody ${who} ${topic} after ${options.timeout} ms; see podbus stats`, {
        cause: error,
      });
    }
  });
  return Exit.DONE;
};
