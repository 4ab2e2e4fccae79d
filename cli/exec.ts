// Runs a program for one call: no shell, the payload on its standard input, its standard output collected. What goes wrong is an
// error whose message is the program's own last word.

import { spawn } from "node:child_process";
import { isUtf8 } from "node:buffer";

import { printable } from "../shared/printable.ts";

/** Output beyond this ends the program: no broker takes such an answer by default, and it must not fill the memory. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** What is kept of standard error, to find its last line in. */
const MAX_TAIL_CHARS = 4096;

export interface Call {
  readonly topic: string;
  readonly input: Uint8Array;
  /** Aborted when nobody waits for the answer any more: the program is then ended. */
  readonly signal?: AbortSignal | undefined;
}

/** What the program printed: text where it is UTF-8, bytes where it is not. Rejects where it fails or can't be started. */
export async function execute(program: string, args: readonly string[], call: Call): Promise<string | Buffer> {
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, PODBUS_TOPIC: call.topic },
    ...(call.signal && { signal: call.signal }),
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  let tail = "";
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    else child.kill("SIGKILL");
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-MAX_TAIL_CHARS);
  });
  child.stdin.on("error", () => {}); // a program need not read what it is given
  child.stdin.end(call.input);
  const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    },
  ).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(cause.code === "ENOENT" ? `${program}: no such command` : `${program}: ${cause.message}`, {
      cause,
    });
  });
  if (bytes > MAX_OUTPUT_BYTES) throw new Error(`${program} printed more than 64 MiB`);
  if (code !== 0) {
    const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`;
    throw new Error(printable(lastLine(tail) ?? `${program} ${how}`));
  }
  const output = Buffer.concat(chunks);
  return isUtf8(output) ? output.toString() : output;
}

/** The last line that says anything. */
function lastLine(text: string): string | undefined {
  return text
    .split("\n")
    .map((line) => line.trim())
    .findLast((line) => line !== "");
}
