// `podbus sub`: prints the messages of its patterns, one line each, until it is stopped or has printed `--count`. What the reader of
// the lines can't take waits at the broker, by the subscription's overflow policy; what is lost is told on standard error.

import type { Bus, Message, SubscribeOptions, Subscription } from "../../client/index.ts";
import { openBus, tell, tellConnection } from "../bus.ts";
import { type ConnectionOptions, countOption, newCommand, patternArguments, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { displayLine, onOneLine, rawBytes, toJson } from "../display.ts";
import { out } from "../output.ts";
import { untilSignal } from "../signals.ts";
import { subscribeOptions, withSubscribeOptions } from "../sub/options.ts";
import { plural } from "../units.ts";
import { Exit, exitCodeOfSignal, UsageError } from "../usage.ts";

interface SubOptions extends ConnectionOptions {
  count?: number;
  raw?: true;
  json?: true;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("sub", "Prints messages as they come, one line each: the topic, a space, the data.", [
      { line: "podbus sub 'orders.>'", what: "everything below orders" },
      { line: "podbus sub 'orders.*.created' 'notes'", what: "two patterns" },
      { line: "podbus sub --count 1 --raw config.mode", what: "one message, its bytes alone" },
      { line: "podbus sub --json 'metrics.>' | jq .data", what: "a JSON object a line" },
      { line: "podbus sub --queue billing --ack 'orders.>'", what: "shares the messages with other members" },
      { line: "podbus sub --queue dead --ack --keep 'dead.>'", what: "a queue that stays when this ends" },
      { line: "podbus sub --overflow drop-oldest 'metrics.>'", what: "never holds a publisher up" },
    ]),
  )
    .argument("<pattern...>", "topics, in which * stands for one token and > for all that follow", patternArguments)
    .option("--count <n>", "end after so many messages", countOption())
    .option("--raw", "write the payloads' bytes and nothing else")
    .option("--json", "print each message as a JSON object, whole");
  withSubscribeOptions(command);
  command.parse(args, { from: "user" });
  const options = command.opts<SubOptions>();
  const [patterns] = command.processedArgs as [string[]];
  if (options.raw && options.json) throw new UsageError("--raw and --json can't both be printed; choose one");
  const how = subscribeOptions(command);
  if (how.queue !== undefined && patterns.length > 1) {
    throw new UsageError("a queue has one pattern; start one command for each");
  }

  const stopped = untilSignal();
  const bus = await Promise.race([openBus(options), stopped]);
  if (typeof bus === "string") return exitCodeOfSignal(bus);
  tellConnection(bus, options.address);
  const printer = new Printer(bus, patterns, how, options);
  const printing = printer.run();
  const ended = await Promise.race([printing, stopped]);
  const ending = printer.end();
  await printing;
  await ending;
  return ended === undefined || options.count === undefined ? Exit.DONE : exitCodeOfSignal(ended);
};

class Printer {
  readonly #bus: Bus;
  readonly #options: SubOptions;
  readonly #acks: boolean;
  readonly #subscriptions: Subscription[];
  #left: number;
  #ending: Promise<void> | undefined;

  constructor(bus: Bus, patterns: readonly string[], how: SubscribeOptions, options: SubOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#acks = how.ack === true;
    this.#left = options.count ?? Infinity;
    this.#subscriptions = patterns.map((pattern) => bus.subscribe(pattern, how));
    bus.on("gap", ({ subscription, lost, why }) => {
      const what = lost === undefined ? "messages may have been lost" : `${plural(lost, "message")} lost`;
      tell(`${what}: ${subscription.pattern}, ${why}`);
    });
  }

  /** Resolves once `--count` is reached. Rejects where a subscription is refused, or is ended by the broker. */
  async run(): Promise<undefined> {
    await Promise.all(this.#subscriptions.map((subscription) => this.#print(subscription)));
  }

  /** Prints what has come, and no more. What a queue gave and was not printed goes back with the connection, which costs no attempts. */
  end(): Promise<void> {
    if (this.#ending === undefined) {
      this.#ending = this.#bus.drain();
      this.#ending.catch(() => {}); // told to who awaits it
    }
    return this.#ending;
  }

  async #print(subscription: Subscription): Promise<void> {
    await subscription.ready;
    for await (const message of subscription) {
      if (this.#left === 0) break;
      this.#left--;
      const full = this.#put(message);
      if (full !== undefined) await full;
      if (this.#acks) {
        await out.flushed();
        message.ack();
      }
      if (this.#left > 0) continue;
      // Whoever has printed the last one ends the others' loops.
      void this.end();
      break;
    }
  }

  #put(message: Message): void | Promise<void> {
    if (this.#options.raw) return out.bytes(rawBytes(dataOf(message)));
    if (this.#options.json) return out.line(toJson(asObject(message)));
    return out.line(`${onOneLine(message.topic, out.isTerminal)} ${displayLine(dataOf(message), out.isTerminal)}`);
  }
}

/** What can't be decoded is shown as its bytes: one strange message must not end the command. */
function dataOf(message: Message): unknown {
  try {
    return message.data;
  } catch {
    return message.bytes;
  }
}

function asObject(message: Message): Record<string, unknown> {
  const { topic, headers, attempt, retained } = message;
  return {
    topic,
    data: dataOf(message),
    ...(headers !== undefined && Object.keys(headers).length > 0 && { headers }),
    ...(attempt > 1 && { attempt }),
    ...(retained && { retained }),
  };
}
