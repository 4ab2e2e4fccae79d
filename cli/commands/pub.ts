// `podbus pub`: publishes what was typed, or what is piped: as one message, or each line as one. It ends when the broker has taken
// everything, and says what the broker refused.

import { Option } from "commander";

import type { Bus } from "../../client/index.ts";
import { tell, withBus } from "../bus.ts";
import { type ConnectionOptions, newCommand, publishedTopicArgument, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { toJson } from "../display.ts";
import { readAll, readLines } from "../input.ts";
import { out } from "../output.ts";
import { AS, type As, pipedPayload, typedPayload } from "../payload.ts";
import { tellBlocked } from "../pub/blocked.ts";
import { type HeaderOptions, headersOf, withHeaders } from "../pub/headers.ts";
import { formatCount, plural } from "../units.ts";
import { CommandFailure, Exit, UsageError } from "../usage.ts";

/** What may be unconfirmed at once: enough to hide the way to the broker and back, little enough to hold. */
const MAX_UNCONFIRMED = 1000;
const MAX_UNCONFIRMED_BYTES = 1024 * 1024;

interface PubOptions extends ConnectionOptions, HeaderOptions {
  as: As;
  lines?: true;
  confirm?: true;
  retain?: true;
  json?: true;
}

/** What is to be published, and about how long it is. */
interface Piece {
  readonly data: unknown;
  readonly bytes: number;
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
      { line: "podbus pub --key 42 --delay 5m mail.send '{}'", what: "for a queue: in order by 42, in five minutes" },
    ]),
  )
    .argument("<topic>", "such as orders.eu.created", publishedTopicArgument)
    .argument("[data...]", "a message each: JSON where it is an object, array, number, true, false or null; else text")
    .addOption(
      new Option("--as <type>", "what the data is; auto: as above if typed, text or bytes as it is if piped")
        .choices(AS)
        .default("auto"),
    )
    .option("--lines", "each line of standard input is one message")
    .option("--confirm", "wait until the broker has each message, and say how many deliveries it led to")
    .option("--retain", "also keep it as the topic's latest value (null clears it)")
    .option("--json", "print the result as JSON");
  withHeaders(command);
  command.parse(args, { from: "user" });
  const options = command.opts<PubOptions>();
  const [topic, data] = command.processedArgs as [string, string[]];
  if (options.lines && data.length > 0) throw new UsageError("--lines reads standard input; leave out the DATA");
  if (options.id !== undefined && (options.lines || data.length > 1)) {
    throw new UsageError("--id is one message's: with the same id the others would not be taken");
  }

  const messages = options.lines ? pipedLines(options.as) : await typedOrPiped(data, options.as);
  const progress = new Progress(options.confirm === true);
  const published = await withBus(
    options,
    (bus) => publishAll(bus, topic, messages, options, progress),
    () => progress.told(),
  );
  if (options.json) await out.line(toJson(options.confirm ? published : { messages: published.messages }));
  else if (options.confirm) {
    await out.line(
      `published ${plural(published.messages, "message")}, delivered ${plural(published.receivers, "time")}`,
    );
  } else if (options.lines) await out.line(`published ${plural(published.messages, "message")}`);
  return Exit.DONE;
};

async function typedOrPiped(data: readonly string[], as: As): Promise<Piece[][]> {
  if (data.length > 0) return [data.map((text) => ({ data: typedPayload(text, as), bytes: text.length }))];
  const whole = await readAll(process.stdin);
  return [[{ data: pipedPayload(whole, as), bytes: whole.length }]];
}

async function* pipedLines(as: As): AsyncGenerator<Piece[]> {
  for await (const lines of readLines(process.stdin)) {
    yield lines.map((line) => ({ data: pipedPayload(line, as), bytes: line.length }));
  }
}

async function publishAll(
  bus: Bus,
  topic: string,
  batches: AsyncIterable<Piece[]> | Iterable<Piece[]>,
  options: PubOptions,
  progress: Progress,
): Promise<Published> {
  const { retain, confirm } = options;
  const how = { headers: headersOf(options), ...(retain && { retain }) };
  tellBlocked(bus, tell);
  const window = new Window(progress);
  bus.on("disconnect", ({ unconfirmed }) => progress.disconnected(unconfirmed));
  bus.on("reconnect", () => progress.reconnected());
  try {
    for await (const batch of batches) {
      for (const { data, bytes } of batch) {
        if (confirm) {
          await window.add(bus.publish(topic, data, { ...how, confirm }), bytes);
        } else {
          const full = bus.publish(topic, data, how);
          if (full !== undefined) await full;
        }
        progress.messages++;
      }
    }
    await window.end();
    await bus.flush();
  } catch (error) {
    if (progress.messages < 2 || !(error instanceof Error)) throw error;
    throw new CommandFailure(`${error.message} (${progress.told()})`, { cause: error });
  }
  const { messages, doubtful } = progress;
  if (doubtful > 0) {
    const may = `the connection was lost on the way: ${plural(doubtful, "message")} may not have arrived`;
    throw new CommandFailure(`${may}; with --confirm they are sent again`);
  }
  return { messages, receivers: window.receivers };
}

/** How far it is, for whoever has to go on from there. */
class Progress {
  /** Published so far; while the broker is away, into the client's memory. */
  messages = 0;
  confirmed = 0;
  /** Sent without a confirmation when a connection was lost. */
  doubtful = 0;
  /** While the broker is away: those of {@link messages} that were published before. */
  #sent: number | undefined;
  readonly #isConfirmed: boolean;

  constructor(isConfirmed: boolean) {
    this.#isConfirmed = isConfirmed;
  }

  disconnected(unconfirmed: number): void {
    this.doubtful += unconfirmed;
    this.#sent = this.messages;
  }

  /** What the client kept meanwhile is sent. */
  reconnected(): void {
    this.#sent = undefined;
  }

  told(): string {
    if (this.#isConfirmed) return `confirmed so far: ${plural(this.confirmed, "message")}`;
    const sent = plural(this.#sent ?? this.messages, "message");
    const may = this.doubtful > 0 ? `, of which ${formatCount(this.doubtful)} may not have arrived` : "";
    return `sent so far: ${sent}${may}`;
  }
}

/** Publishes whose confirmation is under way. */
class Window {
  /** Deliveries that the broker confirmed. */
  receivers = 0;
  #messages = 0;
  #bytes = 0;
  #error: unknown;
  #settled: () => void = () => {};
  readonly #progress: Progress;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /** Resolves once there is room for another one. Rejects where one of them failed. */
  async add(confirmed: Promise<number>, bytes: number): Promise<void> {
    this.#messages++;
    this.#bytes += bytes;
    void this.#count(confirmed, bytes);
    await this.#until(() => this.#messages < MAX_UNCONFIRMED && this.#bytes < MAX_UNCONFIRMED_BYTES);
  }

  async end(): Promise<void> {
    await this.#until(() => this.#messages === 0);
  }

  async #count(confirmed: Promise<number>, bytes: number): Promise<void> {
    try {
      const receivers = await confirmed;
      this.receivers += receivers;
      this.#progress.confirmed++;
    } catch (error) {
      this.#error ??= error;
    }
    this.#messages--;
    this.#bytes -= bytes;
    this.#settled();
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => {
        this.#settled = resolve;
      });
    }
    if (this.#error !== undefined) throw this.#error;
  }
}
