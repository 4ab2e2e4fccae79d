// `podbus demo DIR`: a broker, a producer and three workers, each a process of its own, move every file below a folder through a bus
// of their own; this process collects what the workers found, and checks it against the files.

import { once } from "node:events";
import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Writable } from "node:stream";

import { type Bus, connect } from "../../client/index.ts";
import { PodbusError } from "../../shared/errors.ts";
import { countOption, newCommand, withAddress } from "../command.ts";
import { Collector } from "../demo/collector.ts";
import { findFiles, type FoundFile, type LeftOut } from "../demo/files.ts";
import { Processes } from "../demo/processes.ts";
import { isWhole, leftOutNote, type Outcome, progressLine, summary } from "../demo/report.ts";
import { OVER_TOPIC, WORKERS } from "../demo/wire.ts";
import type { Run } from "../dispatch.ts";
import { toJson } from "../display.ts";
import { out } from "../output.ts";
import { formatBytes, plural } from "../units.ts";
import { untilSignal } from "../signals.ts";
import { Exit, exitCodeOfSignal, UsageError } from "../usage.ts";

/** Between two looks at the progress: on a terminal one line is rewritten; elsewhere lines add up, so there are few. */
const TERMINAL_MS = 100;
const PLAIN_MS = 2000;

const NUL = Buffer.from([0]);

interface DemoOptions {
  address: string;
  /** Workers that others start; undefined: it starts a broker and workers of its own. */
  join?: number;
  json?: true;
}

export const run: Run = async (args) => {
  const demo = newCommand(
    "demo",
    "Moves every file below a folder through a bus of its own: a broker, a producer and three workers as processes of their " +
      "own. The workers compute the SHA-256 of each part, and each is checked against the file.",
    [
      { line: "podbus demo node_modules", what: "any folder will do" },
      { line: "podbus demo --json /usr/share/doc", what: "the outcome as JSON" },
      { line: "podbus demo --join 2 docs", what: "with a broker, and workers, that are there already" },
    ],
  );
  const command = withAddress(demo)
    .argument("<dir>", "the folder")
    .option(
      "--join <workers>",
      "use the broker at --address, and so many workers, each started elsewhere as podbus demo-worker NUMBER",
      countOption(),
    )
    .option("--json", "print the outcome as JSON");
  command.parse(args, { from: "user" });
  const options = command.opts<DemoOptions>();
  const [folder] = command.processedArgs as [string];
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError(`there is no folder ${folder}; give one whose files are to be moved`);
  }

  const processes = new Processes();
  const stopped = untilSignal();
  try {
    const ended = await Promise.race([move(folder, processes, options), processes.failed, stopped]);
    if (typeof ended === "string") return exitCodeOfSignal(ended);
    await out.write(options.json ? `${toJson(ended)}\n` : summary(ended));
    return isWhole(ended) ? Exit.DONE : Exit.FAILED;
  } finally {
    await processes.end();
  }
};

async function move(
  folder: string,
  processes: Processes,
  { address: given, join: joined }: DemoOptions,
): Promise<Outcome> {
  const workers = joined ?? WORKERS;
  const address = joined === undefined ? startOwn(processes) : given;
  const producer = processes.start("producer", ["demo-producer", address, String(workers)]);

  const leftOut: LeftOut = { links: 0, special: 0, unreadableFolders: 0 };
  const files = [...findFiles(Buffer.from(folder), leftOut)];
  if (files.length === 0) {
    const others = leftOutNote({ ...leftOut, unreadable: 0 });
    const why = others === "" ? "" : ` (left out: ${others})`;
    throw new UsageError(`there is no file below ${folder}${why}; give a folder whose files are to be moved`);
  }
  const bytesInAll = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const whose =
    joined === undefined ? `${WORKERS} workers are processes of their own` : `${plural(joined, "worker")} that joined`;
  process.stderr.write(
    `moving ${plural(files.length, "file")}, ${formatBytes(bytesInAll)}, through ${address}: ` +
      `broker, producer and ${whose}\n`,
  );

  await using bus = await connect({ address, name: "collector" });
  const collector = new Collector(files, workers);
  await collector.listen(bus);
  const progress = showProgress(collector, files.length, bytesInAll);
  try {
    await Promise.all([sendList(files, producer.stdin!), collector.check()]);
  } finally {
    progress.end();
    await tellOver(bus);
  }
  return outcomeOf(collector, files, leftOut);
}

/** To workers that others started. Where the broker is gone they are told by that. */
async function tellOver(bus: Bus): Promise<void> {
  try {
    await bus.publish(OVER_TOPIC, null);
    await bus.flush();
  } catch (error) {
    if (!(error instanceof PodbusError)) throw error;
  }
}

/** Broker and workers, all at once: clients wait for their broker. Returns where they meet. */
function startOwn(processes: Processes): string {
  // What is set for another bus is not meant for this one.
  for (const name of Object.keys(process.env)) if (name.startsWith("PODBUS_")) delete process.env[name];
  // Elsewhere than on Linux nobody can tell who connects.
  const allow = process.platform === "linux" ? [] : ["--allow", "any"];
  const address =
    process.platform === "linux" ? `@podbus-demo-${process.pid}` : join(tmpdir(), `podbus-demo-${process.pid}.sock`);
  processes.start("broker", ["serve", "--address", address, "--with-parent", "--log-level", "warn", ...allow]);
  for (let i = 1; i <= WORKERS; i++) {
    processes.start(`worker ${i}`, ["demo-worker", String(i), "--address", address, "--with-parent"]);
  }
  return address;
}

async function sendList(files: readonly FoundFile[], to: Writable): Promise<void> {
  const MANY = 1000;
  for (let i = 0; i < files.length; i += MANY) {
    const paths = files.slice(i, i + MANY).flatMap(({ path }) => [path, NUL]);
    if (!to.write(Buffer.concat(paths))) await once(to, "drain");
  }
  to.write(NUL);
}

function outcomeOf(collector: Collector, files: readonly FoundFile[], leftOut: LeftOut): Outcome {
  const { ledger, bytes, shares, published, startedAt, lastAt } = collector;
  const { wrong, missing, changed } = collector.verdict();
  const names = (some: readonly FoundFile[]): string[] => some.map(({ path }) => path.toString());
  return {
    files: ledger.verifiedFiles,
    filesInAll: files.length,
    bytes,
    parts: ledger.results,
    elapsedMs: Math.round(lastAt - startedAt),
    shares,
    leftOut: { ...leftOut, unreadable: ledger.unreadable },
    wrong: names(wrong),
    missing: names(missing),
    changed: names(changed),
    lostParts: Math.max(0, published! - ledger.results),
  };
}

function showProgress(collector: Collector, filesInAll: number, bytesInAll: number): { end(): void } {
  const isTerminal = process.stderr.isTTY === true;
  const show = (): void => {
    if (collector.startedAt === 0) return;
    const elapsedMs = performance.now() - collector.startedAt;
    const { bytes, ledger } = collector;
    const line = progressLine({ files: ledger.verifiedFiles, filesInAll, bytes, bytesInAll, elapsedMs });
    process.stderr.write(isTerminal ? `\r${line}\u001B[K` : `${line}\n`);
  };
  const timer = setInterval(show, isTerminal ? TERMINAL_MS : PLAIN_MS);
  return {
    end: () => {
      clearInterval(timer);
      show();
      if (isTerminal) process.stderr.write("\n");
    },
  };
}
