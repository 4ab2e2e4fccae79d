// `podbus request`: calls a topic and prints the answer; with `--many`, each answer as it comes.

import { Option } from "commander";

import { PodbusError } from "../../shared/errors.ts";
import { withBus } from "../bus.ts";
import {
  type ConnectionOptions,
  durationOption,
  headerOption,
  newCommand,
  topicArgument,
  withConnection,
} from "../command.ts";
import type { Run } from "../dispatch.ts";
import { displayBlock, rawBytes, toJson } from "../display.ts";
import { readAll } from "../input.ts";
import { out } from "../output.ts";
import { AS, type As, pipedPayload, typedPayload } from "../payload.ts";
import { Exit, UsageError } from "../usage.ts";

interface RequestOptions extends ConnectionOptions {
  as: As;
  timeout: number;
  many?: true;
  header?: Record<string, string | number | boolean>;
  raw?: true;
  json?: true;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("request", "Calls a topic and prints the answer.", [
      { line: `podbus request math.add '{"a":1,"b":2}'`, what: "with an object" },
      { line: "podbus request --timeout 500ms time.now", what: "without data" },
      { line: "podbus request --many logs.tail 20", what: "every answer of a stream" },
      { line: "podbus request --raw images.resize - < photo.jpg > small.jpg", what: "data from standard input" },
      { line: "podbus request --json '$sys.clients'", what: "the broker's own" },
    ]),
  )
    .argument("<topic>", "the topic to call", topicArgument)
    .argument("[data]", "as for podbus pub; - reads standard input; null where it is left out")
    .addOption(new Option("--as <type>", "what the data is").choices(AS).default("auto"))
    .addOption(
      new Option("--timeout <duration>", "how long to wait for the (next) answer; 0: for ever")
        .argParser(durationOption)
        .default(30_000, "30s"),
    )
    .option("--many", "print every answer of a stream, one a line")
    .option("--header <key=value>", "a header; may be repeated", headerOption)
    .option("--raw", "write the answer's bytes and nothing else")
    .option("--json", "print the answer as JSON on one line");
  command.parse(args, { from: "user" });
  const options = command.opts<RequestOptions>();
  const [topic, data] = command.processedArgs as [string, string | undefined];
  if (options.raw && options.json) throw new UsageError("--raw and --json can't both be printed; choose one");

  const payload = await payloadOf(data, options.as);
  const how = { timeoutMs: options.timeout, ...(options.header && { headers: options.header }) };
  await withBus(options, async (bus) => {
    try {
      if (options.many) {
        for await (const answer of bus.requestMany(topic, payload, how)) await print(answer, options);
      } else {
        await print(await bus.request(topic, payload, how), options);
      }
    } catch (error) {
      if (!(error instanceof PodbusError) || error.message.includes(topic)) throw error;
      throw new PodbusError(error.code, `${topic}: ${error.message}`, { cause: error });
    }
  });
  return Exit.DONE;
};

async function payloadOf(data: string | undefined, as: As): Promise<unknown> {
  if (data === undefined) return null;
  return data === "-" ? pipedPayload(await readAll(process.stdin), as) : typedPayload(data, as);
}

async function print(answer: unknown, { raw, json }: RequestOptions): Promise<void> {
  if (raw) await out.bytes(rawBytes(answer));
  else if (json) await out.line(toJson(answer));
  else await out.write(displayBlock(answer, out.isTerminal));
}
