// Connecting a command to its broker, and letting go: what is lost on the way is told on standard error, and a command that does
// one thing does not wait for ever for a broker that went away.

import { type Bus, connect } from "../client/index.ts";
import { PodbusError } from "../shared/errors.ts";
import type { ConnectionOptions } from "./command.ts";
import { CommandFailure, errorLine } from "./usage.ts";

/** Connects, as {@link ConnectionOptions} say. Rejects with the one line that names what sockets there are. */
export function openBus({ address, name, secretFile, brokerUid, connectTimeout }: ConnectionOptions): Promise<Bus> {
  return connect({ address, name, secretFile, brokerUid, connectTimeoutMs: connectTimeout });
}

/**
 * For commands that do one thing: connects, works, closes. A broker that is away longer than `connectTimeout` ends the work.
 * @param done how far it had come by then, for the error; empty where there is nothing to tell
 */
export async function withBus<T>(
  options: ConnectionOptions,
  work: (bus: Bus) => Promise<T>,
  done: () => string = () => "",
): Promise<T> {
  const bus = await openBus(options);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      bus.on("disconnect", () => {
        timer ??= setTimeout(() => {
          const soFar = done();
          const gone = `the broker at ${options.address} went away before this was done${soFar && ` (${soFar})`}`;
          reject(new CommandFailure(`${gone}; start it, and try again`));
        }, options.connectTimeout);
      });
      bus.on("reconnect", () => {
        clearTimeout(timer);
        timer = undefined;
      });
      work(bus).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    await bus.close();
  }
}

/** For commands that stay: a line on standard error when the connection is lost, and when it is there again. */
export function tellConnection(bus: Bus, address: string): void {
  bus.on("disconnect", () => tell(`the connection to ${address} was lost; trying again`));
  bus.on("reconnect", () => tell(`connected to ${address} again`));
  bus.on("error", ({ error, where }) => {
    if (where === "connection") tell(error); // the others are told where they happen
  });
}

/** One line on standard error. */
export function tell(what: unknown): void {
  process.stderr.write(`${errorLine(what)}\n`);
}

/** Whether this is the error of a code. */
export function hasCode(error: unknown, ...codes: PodbusError["code"][]): error is PodbusError {
  return error instanceof PodbusError && codes.includes(error.code);
}
