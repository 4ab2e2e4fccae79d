// `podbus respond`: answers the calls of a topic with what a program prints, or with what was typed.

import { Option } from "commander";

import { openBus, tellConnection } from "../bus.ts";
import { type ConnectionOptions, countOption, newCommand, patternArgument, withConnection } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { rawBytes } from "../display.ts";
import { execute } from "../exec.ts";
import { out } from "../output.ts";
import { AS, type As, typedPayload } from "../payload.ts";
import { untilSignal } from "../signals.ts";
import { Exit, exitCodeOfSignal, UsageError } from "../usage.ts";

interface RespondOptions extends ConnectionOptions {
  as: As;
  concurrency: number;
}

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("respond", "Answers the calls of a topic, until it is stopped.", [
      { line: "podbus respond time.now --exec date --iso-8601=seconds", what: "what the command prints" },
      { line: "podbus respond text.count --exec wc -w", what: "the call's data is its standard input" },
      { line: "podbus respond health.web ok", what: "always the same" },
      {
        line: `podbus respond --concurrency 4 'images.*' --exec sh -c 'convert - "${"$"}{PODBUS_TOPIC#images.}:-"'`,
        what: "a pattern, four at once",
      },
    ]),
  )
    .argument("<topic>", "the topic, or a pattern, to answer", patternArgument)
    .argument("[data]", "a fixed answer, as for podbus pub")
    .addOption(new Option("--as <type>", "what the fixed answer is").choices(AS).default("auto"))
    .option("--concurrency <n>", "calls that are answered at once", countOption(), 1)
    .option("--exec <command...>", "run this, without a shell, for each call; all that follows belongs to it");
  // What follows --exec is the program's, options and all.
  const at = args.indexOf("--exec");
  const program = at < 0 ? [] : args.slice(at + 1);
  command.parse(at < 0 ? args : args.slice(0, at), { from: "user" });
  const options = command.opts<RespondOptions>();
  const [topic, data] = command.processedArgs as [string, string | undefined];
  if (at >= 0 && program.length === 0) throw new UsageError("--exec needs a command behind it");
  if (at < 0 === (data === undefined)) throw new UsageError("give either DATA to answer with, or --exec COMMAND ARGS…");

  const fixed = data === undefined ? undefined : typedPayload(data, options.as);
  const stopped = untilSignal();
  const bus = await Promise.race([openBus(options), stopped]);
  if (typeof bus === "string") return exitCodeOfSignal(bus);
  tellConnection(bus, options.address);
  const responder = bus.respond(
    topic,
    data !== undefined
      ? () => fixed
      : (call) =>
          execute(program[0]!, program.slice(1), { topic: call.topic, input: inputOf(call), signal: call.signal }),
    { concurrency: options.concurrency },
  );
  await responder.ready;
  const why = await Promise.race([stopped, responder.closed]);
  if (why instanceof Error) throw why;
  await bus.drain();
  await out.flushed();
  return Exit.DONE;
};

/** What the program reads: bytes and text as they came, all else as JSON; what can't be decoded as the bytes that it is. */
function inputOf(call: { readonly data: unknown; readonly bytes: Uint8Array }): Uint8Array {
  try {
    return rawBytes(call.data);
  } catch {
    return call.bytes;
  }
}
