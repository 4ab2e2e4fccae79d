// AbortSignals, in one manner everywhere: the error that they lead to, and listening that ends by itself.

import { PodbusError } from "../shared/errors.ts";

/** Its `cause` is the signal's reason. */
export function abortError(signal: AbortSignal, what: string): PodbusError {
  return new PodbusError("aborted", `${what} was aborted`, { cause: signal.reason });
}

export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw abortError(signal, what);
}

/** Calls `run` when `signal` aborts. Returns what ends that. */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal === undefined) return () => {};
  signal.addEventListener("abort", run, { once: true });
  return () => signal.removeEventListener("abort", run);
}

/** Settles as `promise` does, or rejects when `signal` aborts first. */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
  if (signal === undefined) return promise;
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
