// `podbus pub`: publishes what was typed, or what is piped: as one message, or each line as one. It ends when the broker has taken
// everything, and says what the broker refused.

import { Option } from "commander";

import type { Bus } from "../../client/index.ts";
import { hasCode, withBus } from "../bus.ts";
import { type ConnectionOptions, headerOption, newCommand, topicArgument, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { toJson } from "../display.ts";
import { readAll, readLines } from "../input.ts";
import { out } from "../output.ts";
import { AS, type As, pipedPayload, typedPayload } from "../payload.ts";
import { plural } from "../units.ts";
import { CommandFailure, Exit, UsageError } from "../usage.ts";

/** Confirmations that may be under way at once: enough to hide the way to the broker and back, few enough to hold. */
const MAX_UNCONFIRMED = 1000;

interface PubOptions extends ConnectionOptions {
  as: As;
  lines?: true;
  confirm?: true;
  retain?: true;
  header?: Record<string, string | number | boolean>;
  json?: true;
}

/** What was published, and, with `--confirm`, how many deliveries the broker made of it. */
interface Published {
  messages: number;
  receivers: number;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("pub", "Publishes messages: each DATA, or standard input where there is none.", [
      { line: `podbus pub orders.eu.created '{"id":1}'`, what: "an object" },
      { line: "podbus pub notes 'hello there'", what: "text" },
      { line: "podbus pub --retain config.mode on", what: "kept for those who subscribe later" },
      { line: "podbus pub images < photo.jpg", what: "one message, as it is" },
      { line: "tail -f app.log | podbus pub --lines logs.app", what: "each line a message" },
    ]),
  )
    .argument("<topic>", "such as orders.eu.created", topicArgument)
    .argument("[data...]", "a message each: JSON where it is an object, array, number, true, false or null; else text")
    .addOption(
      new Option("--as <type>", "what the data is; auto: as above if typed, text or bytes as it is if piped")
        .choices(AS)
        .default("auto"),
    )
    .option("--lines", "each line of standard input is one message")
    .option("--confirm", "wait until the broker has each message, and say how many deliveries it led to")
    .option("--retain", "also keep it as the topic's latest value (null clears it)")
    .option("--header <key=value>", "a header; may be repeated", headerOption)
    .option("--json", "print the result as JSON");
  command.parse(args, { from: "user" });
  const options = command.opts<PubOptions>();
  const [topic, data] = command.processedArgs as [string, string[]];
  if (options.lines && data.length > 0) throw new UsageError("--lines reads standard input; leave out the DATA");

  const messages = options.lines ? pipedLines(options.as) : await payloads(data, options.as);
  const published = await withBus(options, (bus) => publishAll(bus, topic, messages, options));
  if (options.json) await out.line(toJson(options.confirm ? published : { messages: published.messages }));
  else if (options.confirm) {
    await out.line(`published ${plural(published.messages, "message")}, delivered ${published.receivers} times`);
  } else if (options.lines) await out.line(`published ${plural(published.messages, "message")}`);
  return Exit.DONE;
};

async function payloads(data: readonly string[], as: As): Promise<unknown[][]> {
  if (data.length > 0) return [data.map((text) => typedPayload(text, as))];
  return [[pipedPayload(await readAll(process.stdin), as)]];
}

async function* pipedLines(as: As): AsyncGenerator<unknown[]> {
  for await (const lines of readLines(process.stdin)) yield lines.map((line) => pipedPayload(line, as));
}

async function publishAll(
  bus: Bus,
  topic: string,
  batches: AsyncIterable<unknown[]> | Iterable<unknown[]>,
  { header, retain, confirm }: PubOptions,
): Promise<Published> {
  const how = { ...(header && { headers: header }), ...(retain && { retain }), ...(confirm && { confirm }) };
  const published: Published = { messages: 0, receivers: 0 };
  const unconfirmed = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const count = async (receivers: Promise<number | void>): Promise<void> => {
    try {
      published.receivers += (await receivers) ?? 0;
      published.messages++;
    } catch (error) {
      failures.push(error);
    }
  };
  try {
    for await (const batch of batches) {
      for (const data of batch) {
        const sent = bus.publish(topic, data, how);
        if (confirm && sent !== undefined) {
          const counted: Promise<void> = count(sent).finally(() => unconfirmed.delete(counted));
          unconfirmed.add(counted);
          if (unconfirmed.size >= MAX_UNCONFIRMED) await Promise.race(unconfirmed);
        } else {
          if (sent !== undefined) await sent;
          published.messages++;
        }
        if (failures.length > 0) throw failures[0];
      }
    }
    await Promise.all(unconfirmed);
    if (failures.length > 0) throw failures[0];
    await bus.flush();
  } catch (error) {
    throw refused(error, published.messages);
  }
  return published;
}

/** Says how far it got, where it was more than one message. */
function refused(error: unknown, messages: number): unknown {
  if (messages < 2 || !(error instanceof Error) || hasCode(error, "bad_topic")) return error;
  return new CommandFailure(`${error.message} (${plural(messages, "message")} were sent before)`, { cause: error });
}
