// What a process wrote to one file, and when it had it flushed, out of strace's account of its system calls; and what of that was on the
// disk at each moment, at the least and at the most.

/** A call, in the order in which they began; a flush, in the order in which it was over. */
export type FileEvent =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Buffer; readonly isFlushed: boolean }
  | { readonly kind: "flush" }
  | { readonly kind: "cut"; readonly to: number }
  /** Bytes that went out by something else than a file. */
  | { readonly kind: "sent"; readonly bytes: Buffer };

const PAGE_BYTES = 4096;

/** Reads `strace -f -y -xx -s …` of `openat,lseek,write,writev,pwrite64,pwritev,fdatasync,fsync,msync,ftruncate,sendmsg`. */
export function readTrace(text: string, file: string): FileEvent[] {
  const events: FileEvent[] = [];
  const isFile = (line: string): boolean => line.includes(escaped(file)) || line.includes(file);
  const flushing = new Set<string>();
  /** Descriptors that flush each write, and where the others stand. */
  const flushed = new Set<string>();
  const positions = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, pid, call] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || call === undefined) continue;
    if (/^<\.\.\. (fdatasync|fsync|msync) resumed/.test(call)) {
      if (flushing.delete(pid)) events.push({ kind: "flush" });
      continue;
    }
    const [, name, fd] = /^(\w+)\((?:AT_FDCWD[^,]*, "[^"]*"|(\d+))/.exec(call) ?? [];
    if (name === undefined) continue;
    const of = fd ?? "";
    if (name === "openat") {
      const [, opened] = /= (\d+)/.exec(call) ?? [];
      if (opened !== undefined && isFile(call) && /O_D?SYNC/.test(call)) flushed.add(opened);
      continue;
    }
    if (!isFile(call)) {
      if (/^(write|writev|sendmsg)$/.test(name)) events.push({ kind: "sent", bytes: bytesOf(call) });
      continue;
    }
    switch (name) {
      case "fdatasync":
      case "fsync":
      case "msync":
        if (call.includes("<unfinished")) flushing.add(pid);
        else events.push({ kind: "flush" });
        break;
      case "lseek":
        positions.set(of, Number(/, (\d+), SEEK_SET/.exec(call)?.[1] ?? 0));
        break;
      case "ftruncate":
        events.push({ kind: "cut", to: Number(/, (\d+)\)?/.exec(call)?.[1] ?? 0) });
        break;
      default: {
        const bytes = bytesOf(call);
        const isPlaced = name.startsWith("p");
        const at = isPlaced ? Number(/, (\d+)(?:\)| <)/.exec(call)?.[1] ?? 0) : (positions.get(of) ?? 0);
        if (!isPlaced) positions.set(of, at + bytes.length);
        events.push({ kind: "write", at, bytes, isFlushed: flushed.has(of) });
      }
    }
  }
  return events;
}

/** Every buffer of a call, one behind the other. */
function bytesOf(call: string): Buffer {
  const buffers: Buffer[] = [];
  for (const [, text] of call.matchAll(/(?:, |iov_base=)"((?:\\x[0-9a-f]{2})*)"/g)) {
    buffers.push(Buffer.from(text!.replaceAll("\\x", ""), "hex"));
  }
  return Buffer.concat(buffers);
}

function escaped(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** A file as it may be after the machine lost its power: what was flushed, and some of what was not. */
export class Disk {
  #flushed: Buffer = Buffer.alloc(0);
  #unflushed: { at: number; bytes: Buffer }[] = [];

  /** Lets `event` happen. */
  take(event: FileEvent): void {
    if (event.kind === "flush") {
      this.#flushed = this.rebuilt(() => true);
      this.#unflushed = [];
    } else if (event.kind === "cut") {
      this.#flushed = resized(this.#flushed, event.to);
    } else if (event.kind === "write") {
      // Pages of one write reach the disk each for itself.
      for (let from = 0; from < event.bytes.length; from += PAGE_BYTES) {
        const part = { at: event.at + from, bytes: event.bytes.subarray(from, from + PAGE_BYTES) };
        if (event.isFlushed) this.#flushed = withWrite(this.#flushed, part);
        else this.#unflushed.push(part);
      }
    }
  }

  get unflushed(): number {
    return this.#unflushed.length;
  }

  /** The file with those of the unflushed writes that `isThere` says. */
  rebuilt(isThere: (index: number) => boolean): Buffer {
    let file = this.#flushed;
    this.#unflushed.forEach((part, index) => {
      if (isThere(index)) file = withWrite(file, part);
    });
    return file;
  }
}

function withWrite(file: Buffer, { at, bytes }: { at: number; bytes: Buffer }): Buffer {
  const copy = Buffer.from(resized(file, Math.max(file.length, at + bytes.length)));
  bytes.copy(copy, at);
  return copy;
}

function resized(file: Buffer, length: number): Buffer {
  if (length === file.length) return file;
  return length < file.length ? file.subarray(0, length) : Buffer.concat([file, Buffer.alloc(length - file.length)]);
}
