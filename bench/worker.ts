// A process of the benchmark: plays the one role that it is given over the channel to the process that started it, and ends with it.

import { roles } from "./roles/index.ts";
import type { FromWorker, RoleName, ToWorker } from "./roles/role.ts";

/** Something that this process is told once. */
interface Slot {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
}

function newSlot(): Slot {
  let resolve: Slot["resolve"] = () => {};
  const promise = new Promise<unknown>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export function runWorker(): void {
  const told = new Map<string, Slot>();
  const slot = (name: string): Slot => {
    let found = told.get(name);
    if (found === undefined) {
      found = newSlot();
      told.set(name, found);
    }
    return found;
  };
  const send = (message: FromWorker): Promise<void> =>
    new Promise((resolve) => {
      process.send!(message, () => resolve());
    });

  const play = async (name: RoleName, params: unknown): Promise<void> => {
    try {
      const control = {
        ready: () => void send({ kind: "ready" }),
        told: (what: string) => slot(what).promise,
      };
      const result = await (roles[name] as (params: unknown, given: typeof control) => Promise<unknown>)(
        params,
        control,
      );
      await send({ kind: "result", result });
      await slot("end").promise;
      process.exit(0);
    } catch (error) {
      await send({ kind: "failed", why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      process.exit(1);
    }
  };

  process.on("disconnect", () => process.exit(0));
  process.on("message", (message: ToWorker) => {
    if (message.kind === "play") void play(message.role, message.params);
    else slot(message.what).resolve(message.value);
  });
}
