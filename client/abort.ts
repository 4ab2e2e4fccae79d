// AbortSignals, in one manner everywhere: the error that they lead to, and listening that ends by itself.

import { PodbusError } from "../shared/errors.ts";

/** Its `cause` is the signal's reason. */
export function abortError(signal: AbortSignal, what: string): PodbusError {
  return new PodbusError("aborted", `${what} was aborted`, { cause: signal.reason });
}

export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw abortError(signal, what);
}

/** One listener a signal, for all who wait for it. */
interface Waiting {
  readonly runs: Set<() => void>;
  readonly listener: () => void;
}

/** Node takes more than ten listeners of one signal for a leak, and warns. A signal that nobody waits for has none, and can be collected. */
const waiting = new WeakMap<AbortSignal, Waiting>();

/** Calls `run` when `signal` aborts. Returns what ends that. */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal === undefined) return () => {};
  const own = (): void => run(); // the same function may wait twice
  const { runs, listener } = waiting.get(signal) ?? listen(signal);
  runs.add(own);
  return () => {
    if (!runs.delete(own) || runs.size > 0) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal): Waiting {
  const runs = new Set<() => void>();
  const listener = (): void => {
    waiting.delete(signal);
    const all = [...runs];
    runs.clear();
    for (const run of all) run();
  };
  const entry = { runs, listener };
  waiting.set(signal, entry);
  signal.addEventListener("abort", listener, { once: true });
  return entry;
}

/** Settles as `promise` does, or rejects when `signal` aborts first. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) promise.catch(() => {}); // nobody will hear of it
  throwIfAborted(signal, what);
  let stop = (): void => {};
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_resolve, reject) => {
        stop = onAbort(signal, () => reject(abortError(signal, what)));
      }),
    ]);
  } finally {
    stop();
  }
}
