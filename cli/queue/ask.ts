// What the commands of `podbus queue` have in common: their options, and how the broker is asked.

import type { Command } from "commander";

import { ApplicationError, type Bus } from "../../client/index.ts";
import { withBus } from "../bus.ts";
import { type ConnectionOptions, type Example, newCommand, withConnection, withTimeout } from "../command.ts";
import { CommandFailure, UsageError } from "../usage.ts";

export interface QueueOptions extends ConnectionOptions {
  /** Milliseconds. */
  timeout: number;
  json?: true;
}

export interface DroppingOptions extends QueueOptions {
  yes?: true;
}

/** Asks the broker itself. What it refuses is a failure, in its own words. */
export type Ask = (topic: string, asked?: Record<string, unknown>) => Promise<unknown>;

/** `podbus queue NAME`, with what each has. */
export function newQueueCommand(name: string, summary: string, examples: readonly Example[]): Command {
  const command = withConnection(newCommand(`queue ${name}`, summary, examples));
  return withTimeout(command).option("--json", "print the answer as JSON");
}

/** The same for one that drops messages, and asks before it does. */
export function newDroppingCommand(name: string, summary: string, examples: readonly Example[]): Command {
  const what = "do it without asking; needed where standard input is no terminal";
  return newQueueCommand(name, summary, examples).option("--yes", what);
}

/** Connects, and does `work`. */
export function asking<T>(options: QueueOptions, work: (ask: Ask) => Promise<T>): Promise<T> {
  return withBus(options, (bus) => work((topic, asked = {}) => askBroker(bus, topic, asked, options.timeout)));
}

async function askBroker(bus: Bus, topic: string, asked: Record<string, unknown>, timeoutMs: number): Promise<unknown> {
  try {
    return await bus.request(topic, asked, { timeoutMs });
  } catch (error) {
    if (!(error instanceof ApplicationError)) throw error;
    const { message, code } = error.data as { message?: unknown; code?: unknown };
    const text = typeof message === "string" ? message : error.message;
    if (code === "bad_option") throw new UsageError(text, { cause: error });
    throw new CommandFailure(text, { cause: error });
  }
}
