// `connect()`: the one place where the client meets its environment.

import { throwIfAborted } from "./abort.ts";
import { Bus } from "./bus.ts";
import { Core } from "./core.ts";
import { NodeEnv } from "./node-env.ts";
import { type ConnectOptions, resolveOptions } from "./options.ts";
import type { AnyTopics } from "./topics.ts";

/**
 * Connects to a broker, and keeps trying for `connectTimeoutMs`: containers start in any order. `connect<Topics>()` gives
 * `publish` and `subscribe` the payload types of topics.
 * @throws PodbusError `disconnected` where no broker could be reached in time, with what there is instead; `limit` or `closing` where one
 * answered so to every try; `not_allowed`, `bad_auth` and `bad_hello` at once; `bad_address`, `bad_option`, `aborted`
 */
export async function connect<Topics extends object = AnyTopics>(options: ConnectOptions = {}): Promise<Bus<Topics>> {
  const resolved = resolveOptions(options, process.env);
  throwIfAborted(options.signal, "connect()");
  const core = new Core(new NodeEnv(resolved), resolved);
  await core.connect(options.signal);
  return new Bus<Topics>(core);
}
