// `podbus stats`: the broker's counters, as it gives them, who waits for whom, and whether the books balance.

import { setTimeout as sleep } from "node:timers/promises";

import { InvalidArgumentError, Option } from "commander";

import type { Bus } from "../../client/index.ts";
import { withBus } from "../bus.ts";
import { type ConnectionOptions, durationOption, newCommand, withConnection, withTimeout } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { displayLine, toJson } from "../display.ts";
import { out } from "../output.ts";
import { untilSignal } from "../signals.ts";
import { type Client, clientList } from "../stats/clients.ts";
import { table } from "../table.ts";
import { formatBytes, formatCount, formatDuration } from "../units.ts";
import { CommandFailure, Exit, UsageError } from "../usage.ts";

interface StatsOptions extends ConnectionOptions {
  timeout: number;
  json?: true;
  check?: true;
  clients?: true;
  /** Milliseconds; true where it was not said how long. */
  watch?: number | true;
}

/** Asks the broker, at one of its own topics. */
type Ask = (topic: string) => Promise<unknown>;

type Counters = Readonly<Record<string, unknown>>;

/** A client that has topics in XOFF. */
interface Blocked {
  readonly client: number;
  readonly name: string | null;
  readonly blockedOn: readonly { readonly topic: string; readonly why: string }[];
}

interface Checked {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly recounted: { readonly waiting: number; readonly inFlight: number; readonly heldBytes: number };
}

const DEFAULT_WATCH_MS = 1000;
/** Where the cursor goes, and what is below it is cleared. */
const CLEAR_TERMINAL = "\x1b[H\x1b[J";

export const run: Run = async (args) => {
  const command = withConnection(
    newCommand("stats", "Shows the broker's counters, and which publishers wait for whom.", [
      { line: "podbus stats", what: "a table" },
      { line: "podbus stats --watch 5s", what: "again every five seconds" },
      { line: "podbus stats --json | jq .published", what: "one object on one line" },
      {
        line: "podbus stats --check",
        what: "counts anew what waits and is in flight; 1 where the books don't balance",
      },
      { line: "podbus stats --clients", what: "who is connected: users, processes, containers, identities" },
      { line: "podbus request --json '$sys.clients'", what: "likewise for clients, queues and topics" },
    ]),
  );
  withTimeout(command)
    .option("--check", "have the broker count anew, by walking what it holds")
    .option("--clients", "show who is connected instead")
    .addOption(new Option("--watch [duration]", "show them again and again (every second)").argParser(intervalOption))
    .option("--json", "print them as JSON");
  command.parse(args, { from: "user" });
  const options = command.opts<StatsOptions>();
  if (options.check && options.clients) throw new UsageError("--check and --clients are two questions; ask one");
  if (options.check && options.watch !== undefined) {
    throw new UsageError("--check looks at every message there is, which is nothing to watch; choose one");
  }
  return withBus(options, async (bus: Bus) => {
    const ask: Ask = (topic) => bus.request(topic, {}, { timeoutMs: options.timeout });
    if (options.check) await check(ask, options);
    else if (options.watch !== undefined) await watch(ask, options, options.watch);
    else await out.write(await shown(ask, options));
    return Exit.DONE;
  });
};

async function check(ask: Ask, { json }: StatsOptions): Promise<void> {
  const { ok, problems, recounted, ...rest } = (await ask("$sys.check")) as Checked;
  const { waiting, inFlight, heldBytes } = recounted;
  if (json) await out.line(toJson({ ok, problems, recounted, ...rest }));
  else if (ok) {
    const there = `${formatCount(waiting)} waiting, ${formatCount(inFlight)} in flight, ${formatBytes(heldBytes)} held`;
    await out.line(`the books balance: ${there}`);
  } else for (const problem of problems) await out.line(displayLine(problem, true));
  if (!ok) throw new CommandFailure("the books do not balance, which is a bug of the broker; please report it");
}

/** Until a signal ends it. */
async function watch(ask: Ask, options: StatsOptions, interval: number | true): Promise<void> {
  const stopped = untilSignal();
  const clear = out.isTerminal && !options.json ? CLEAR_TERMINAL : "";
  for (;;) {
    await out.write(clear + (await shown(ask, options)));
    const next = sleep(interval === true ? DEFAULT_WATCH_MS : interval, undefined);
    if ((await Promise.race([stopped, next])) !== undefined) return;
    if (clear === "" && !options.json) await out.line("");
  }
}

async function shown(ask: Ask, { json, clients: isAboutClients }: StatsOptions): Promise<string> {
  if (isAboutClients) {
    const { clients } = (await ask("$sys.clients")) as { clients: readonly Client[] };
    return json ? clients.map((client) => `${toJson(client)}\n`).join("") : clientList(clients);
  }
  const stats = (await ask("$sys.stats")) as Counters;
  if (json) return `${toJson(stats)}\n`;
  const { limited, ...others } = stats;
  const lines = table(
    Object.entries({ ...others, ...reached(limited) }).map(([name, value]) => [name, show(name, value, stats)]),
  );
  if (stats["blockedPublishers"] === 0) return lines;
  const { clients } = (await ask("$sys.clients")) as { clients: readonly Blocked[] };
  return lines + clients.map(waits).join("");
}

/** Those of the limits that were ever reached. */
function reached(limited: unknown): Record<string, unknown> {
  const entries = Object.entries((limited ?? {}) as Counters).filter(([, times]) => times !== 0);
  return Object.fromEntries(entries.map(([limit, times]) => [`times ${limit} was reached`, times]));
}

/** Whom it waits for, a line each. */
function waits({ client, name, blockedOn }: Blocked): string {
  const who = `client ${client} (${displayLine(name ?? "no name", true)})`;
  return blockedOn
    .map(({ topic, why }) => `${who} waits for ${displayLine(why, true)} on ${displayLine(topic, true)}\n`)
    .join("");
}

function intervalOption(text: string): number {
  const ms = durationOption(text);
  if (ms >= 100) return ms;
  throw new InvalidArgumentError("expected 100ms or more");
}

/** By the unit that the name ends with. */
function show(name: string, value: unknown, { memoryLimitBytes }: Counters): string {
  if (typeof value !== "number") return displayLine(value, true);
  if (name === "pid") return String(value);
  if (name === "heldBytes" && typeof memoryLimitBytes === "number") {
    const percent = ((100 * value) / memoryLimitBytes).toFixed(1);
    return `${formatCount(value)}  (${formatBytes(value)}, ${percent} % of memoryLimitBytes)`;
  }
  if (/bytes/i.test(name)) return `${formatCount(value)}${value < 1000 ? "" : `  (${formatBytes(value)})`}`;
  return name.endsWith("Ms") ? formatDuration(value) : formatCount(value);
}
