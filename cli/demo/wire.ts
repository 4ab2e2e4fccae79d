// What the processes of the demo say to each other, all of it over the bus. Pure.
//
//   producer  -- files.KIND: a part, headers {file, part} -->  the queue "hashers" of the workers
//   worker    -- demo.results: Result ----------------------->  collector
//   producer  -- demo.producer: Report ---------------------->  collector
//   collector -- demo.over ---------------------------------->  workers that others started
//
// A file is known by its place in the list that the collector gave the producer.

/** A part is at most this long. */
export const PART_BYTES: number = 256 * 1024;

/** Of a demo that starts its own. */
export const WORKERS = 3;
export const QUEUE = "hashers";
export const FILES_PATTERN = "files.>";
export const RESULTS_TOPIC = "demo.results";
export const PRODUCER_TOPIC = "demo.producer";
export const OVER_TOPIC = "demo.over";

/** A worker responds there once it is ready. */
export const workerTopic = (worker: number): string => `demo.worker.${worker}`;

/** What a worker found. */
export interface Result {
  readonly file: number;
  readonly part: number;
  readonly bytes: number;
  readonly digest: Uint8Array;
  readonly worker: number;
}

/** What the producer tells: that it begins, a file that it could not read, that all is published. */
export type Report =
  | { readonly kind: "started" }
  | { readonly kind: "unreadable"; readonly file: number }
  | { readonly kind: "done"; readonly parts: number };

/** The topic of a file, by its kind: `files.js` for `a.JS`, `files.none` where its name has no ending to speak of. */
export function fileTopic(name: string): string {
  const ending = /[^.]\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return `files.${/^[a-z0-9_-]{1,32}$/.test(ending) ? ending : "none"}`;
}
