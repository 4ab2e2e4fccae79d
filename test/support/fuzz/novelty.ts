// Whether inputs reached code that none before them reached, by V8's own coverage: what guides a campaign to the places that chance
// alone seldom finds. A look costs about a millisecond, so campaigns look once in many inputs.

import { Session } from "node:inspector";

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly functionName: string; readonly ranges: readonly Range[] }[];
  }[];
}

export class Novelty {
  readonly #session = new Session();
  readonly #isOurs: (url: string) => boolean;
  /** For each function that ran, which of its characters ever did. */
  readonly #seen = new Map<string, Uint8Array>();

  /** @param parts of the paths of those files that count */
  constructor(parts: readonly string[]) {
    this.#isOurs = (url) => !url.includes("/test/") && parts.some((part) => url.includes(part));
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
  }

  /** Since the last look. */
  look(): boolean {
    let isNew = false;
    // Answered before `post` returns: the session is of this thread.
    this.#session.post("Profiler.takePreciseCoverage", (error, coverage) => {
      if (error !== null) throw error;
      for (const { url, functions } of (coverage as unknown as Coverage).result) {
        if (!this.#isOurs(url)) continue;
        for (const { functionName, ranges } of functions) {
          if (ranges[0]!.count > 0 && this.#add(`${url} ${functionName}`, ranges)) isNew = true;
        }
      }
    });
    return isNew;
  }

  end(): void {
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  /** Inner ranges come behind those that they are in. */
  #add(name: string, ranges: readonly Range[]): boolean {
    const { startOffset, endOffset } = ranges[0]!;
    const key = `${name} ${startOffset}`;
    const ran = new Uint8Array(endOffset - startOffset);
    for (const range of ranges)
      ran.fill(range.count > 0 ? 1 : 0, range.startOffset - startOffset, range.endOffset - startOffset);
    const seen = this.#seen.get(key);
    if (seen === undefined) {
      this.#seen.set(key, ran);
      return true;
    }
    let isNew = false;
    for (let i = 0; i < ran.length; i++) {
      if (ran[i] === 1 && seen[i] === 0) {
        seen[i] = 1;
        isNew = true;
      }
    }
    return isNew;
  }
}
