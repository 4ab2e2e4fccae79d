// Standard output with back-pressure. Lines of one turn are written together (a write to a pipe costs as much as hundreds of
// lines); whoever prints much awaits what `write` returns, which is a promise only where the reader does not keep up, so what
// `podbus sub` can't print waits at the broker. When the reader is gone (`| head`), the process ends quietly.

/** Held back before it is written without waiting for the end of the turn. */
const BATCH_CHARS = 64 * 1024;

class Output {
  #batch = "";
  #scheduled = false;
  #drained: Promise<void> | undefined;
  #listens = false;

  get isTerminal(): boolean {
    return process.stdout.isTTY === true;
  }

  /** Prints text as it is. */
  write(text: string): void | Promise<void> {
    this.#batch += text;
    if (this.#batch.length >= BATCH_CHARS) return this.#flush();
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        void this.#flush();
      });
    }
    return this.#drained;
  }

  /** Prints one line. */
  line(text: string): void | Promise<void> {
    return this.write(`${text}\n`);
  }

  /** Prints bytes and nothing else. */
  bytes(bytes: Uint8Array): void | Promise<void> {
    void this.#flush();
    return this.#put(Buffer.from(bytes));
  }

  /** Resolves once everything is with the operating system. */
  async flushed(): Promise<void> {
    void this.#flush();
    if (this.#listens) await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  }

  #flush(): void | Promise<void> {
    if (this.#batch === "") return this.#drained;
    const batch = this.#batch;
    this.#batch = "";
    return this.#put(batch);
  }

  #put(what: string | Uint8Array): void | Promise<void> {
    const { stdout } = process;
    if (!this.#listens) {
      this.#listens = true;
      stdout.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EPIPE") process.exit(0);
        process.stderr.write(`podbus: standard output can't be written: ${error.message}\n`);
        process.exit(1);
      });
    }
    if (!stdout.write(what) && this.#drained === undefined) {
      this.#drained = new Promise<void>((resolve) => {
        stdout.once("drain", () => {
          this.#drained = undefined;
          resolve();
        });
      });
    }
    return this.#drained;
  }
}

/** The one standard output of this process. */
export const out: Output = new Output();
