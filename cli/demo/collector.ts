// The collector of the demo, in its first process: reads every file by itself, and checks what the workers found against that. It
// gives way to the bus every few milliseconds, so that neither its reading nor the results wait for each other.

import { createHash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";

import type { Bus } from "../../client/index.ts";
import { type FoundFile, hasChanged, PartReader } from "./files.ts";
import { Ledger } from "./ledger.ts";
import { PRODUCER_TOPIC, type Report, type Result, RESULTS_TOPIC } from "./wire.ts";

/** Synchronous work at a time. */
const SLICE_MS = 4;

/** Once all is published: silence after which what has not come is lost. */
const SILENCE_MS = 15_000;

export interface Share {
  parts: number;
  bytes: number;
}

export class Collector {
  readonly ledger: Ledger = new Ledger();
  /** What each worker did. */
  readonly shares: Share[];
  /** Of the results so far. */
  bytes = 0;
  /** Parts that the producer published, once it is done. */
  published: number | undefined;
  startedAt = 0;
  /** When the last result came. */
  lastAt = 0;
  readonly #files: readonly FoundFile[];
  #wake: () => void = () => {};

  constructor(files: readonly FoundFile[], workers: number) {
    this.#files = files;
    this.shares = Array.from({ length: workers }, () => ({ parts: 0, bytes: 0 }));
  }

  /** Subscribes; resolves once nothing can be missed. */
  async listen(bus: Bus): Promise<void> {
    const results = bus.subscribe(RESULTS_TOPIC, {}, ({ data }) => this.#found(data as Result));
    const reports = bus.subscribe(PRODUCER_TOPIC, {}, ({ data }) => this.#reported(data as Report));
    await Promise.all([results.ready, reports.ready]);
  }

  /** Reads the files, and resolves once every result is there, or no more will come. */
  async check(): Promise<void> {
    await this.#readAll();
    while (this.published === undefined || this.ledger.results < this.published) {
      const before = this.ledger.results;
      const awaited = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const silence = new AbortController();
      const isSilent = pause(SILENCE_MS, true, { signal: silence.signal }).catch(() => false);
      await Promise.race([awaited, isSilent]);
      silence.abort();
      if ((await isSilent) && this.published !== undefined && this.ledger.results === before) return;
    }
  }

  /** Files that did not arrive as they are, apart from those that changed meanwhile. */
  verdict(): { wrong: FoundFile[]; missing: FoundFile[]; changed: FoundFile[] } {
    const disputed = this.ledger.disputed.map((file) => this.#files[file]!);
    const unsettled = this.ledger.unsettled.map((file) => this.#files[file]!);
    return {
      wrong: disputed.filter((file) => !hasChanged(file)),
      missing: unsettled.filter((file) => !hasChanged(file)),
      changed: [...disputed, ...unsettled].filter(hasChanged),
    };
  }

  async #readAll(): Promise<void> {
    const reader = new PartReader();
    let sliceEnds = performance.now() + SLICE_MS;
    for (const [file, { path }] of this.#files.entries()) {
      let digests: Uint8Array[] | null = null;
      if (reader.open(path)) {
        digests = [];
        try {
          for (let part = reader.next(); part !== undefined; part = reader.next()) {
            digests.push(createHash("sha256").update(part).digest());
            if (performance.now() < sliceEnds) continue;
            await turn();
            sliceEnds = performance.now() + SLICE_MS;
          }
        } catch {
          digests = null;
        } finally {
          reader.close();
        }
      }
      this.ledger.expect(file, digests);
    }
  }

  #found({ file, part, bytes, digest, worker }: Result): void {
    this.lastAt = performance.now();
    this.bytes += bytes;
    const share = this.shares[worker - 1]!;
    share.parts++;
    share.bytes += bytes;
    this.ledger.found(file, part, Buffer.from(digest)); // a copy: what came in a message pins the chunk that it came in
    if (this.ledger.results === this.published) this.#wake();
  }

  #reported(report: Report): void {
    if (report.kind === "started") this.startedAt = this.lastAt = performance.now();
    else if (report.kind === "unreadable") this.ledger.skipped(report.file);
    else {
      this.published = report.parts;
      this.#wake();
    }
  }
}
