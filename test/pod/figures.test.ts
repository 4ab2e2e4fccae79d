// What the image costs, measured in it: printed with the bars that it should meet. Only what does not depend on how busy the machine is
// fails a test. Run it alone on a quiet machine: npm run test:pod -- test/pod/figures.test.ts

import { afterEach, expect, inject, test } from "vitest";

import { logLines } from "../support/processes.ts";
import { cgroupOf } from "../support/pod/cgroup.ts";
import { IMAGE } from "../support/pod/images.ts";
import { Podman } from "../support/pod/podman.ts";

const podman: Podman = new Podman(inject("podman"));
const MIB = 1024 * 1024;
const SAFE = ["--network", "none", "--read-only", "--cap-drop", "all"];
const ROUNDS = 15;

/** In the image: a bare Node, a broker until it is ready, and a ping, in turn, so that a busy moment meets all three. Milliseconds. */
const MEASURE = `
const { spawn, spawnSync } = require("node:child_process");
const { once } = require("node:events");
/** Processor time of all children that have ended, in milliseconds: unlike a clock it hardly minds what else runs. */
const cpu = () => {
  const fields = require("node:fs").readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
};
const serve = (address) => spawn("podbus", ["serve", "--address", address], { stdio: ["ignore", "pipe", "inherit"] });
const timed = async (what) => { const begin = performance.now(); await what(); return performance.now() - begin; };
const run = (...command) => {
  const { status, stderr } = spawnSync(command[0], command.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(command.join(" ") + ": " + stderr);
};
(async () => {
  const stays = serve("@stays");
  await once(stays.stdout, "data");
  const times = { bare: [], ready: [], ping: [], cpuOfBare: [], cpuOfPing: [] };
  for (let i = 0; i < ${ROUNDS}; i++) {
    const begin = cpu();
    times.bare.push(await timed(() => run("node", "-e", "0")));
    const between = cpu();
    times.ping.push(await timed(() => run("podbus", "ping", "--quiet", "--address", "@stays")));
    times.cpuOfBare.push(between - begin);
    times.cpuOfPing.push(cpu() - between);
    let broker;
    times.ready.push(await timed(() => once((broker = serve("@another")).stdout, "data")));
    broker.kill();
    await once(broker, "exit");
  }
  stays.kill();
  console.log(JSON.stringify(times));
})();`;

type Times = Record<"bare" | "ready" | "ping" | "cpuOfBare" | "cpuOfPing", number[]>;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

function tell(what: string, value: string, bar: string, isMet: boolean): void {
  console.log(`${what.padEnd(44)} ${value.padEnd(28)} ${bar.padEnd(14)} ${isMet ? "met" : "MISSED"}`);
}

const inMiB = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

afterEach(() => podman.clear());

test("time: a probe, and a start", async () => {
  const measured = await podman.must(
    "run",
    "--rm",
    ...SAFE,
    "--no-healthcheck",
    "--entrypoint",
    "node",
    IMAGE,
    "-e",
    MEASURE,
  );
  const { bare, ready, ping, cpuOfBare, cpuOfPing } = JSON.parse(measured) as Times;
  const show = (what: string, values: readonly number[], bar: number): void => {
    const ratio = median(values) / median(bare);
    const fastest = `${(Math.min(...values) / Math.min(...bare)).toFixed(2)} of the fastest`;
    tell(what, `${ratio.toFixed(2)} × (${fastest})`, `<= ${bar} ×`, ratio <= bar);
  };
  console.log(`a bare node -e 0 in the image takes ${median(bare).toFixed(0)} ms`);
  show("podbus ping, by a bare node -e 0", ping, 2);
  const ratio = sum(cpuOfPing) / sum(cpuOfBare);
  tell("its processor time, likewise", `${ratio.toFixed(2)} ×`, "<= 2 ×", ratio <= 2);
  show("podbus serve until it is ready, likewise", ready, 3);

  // And as the container's own first process: from podman's word that it runs to the time in the log.
  const starts: number[] = [];
  for (let i = 0; i < 5; i++) {
    const id = await podman.must("run", "--detach", ...SAFE, "--no-healthcheck", IMAGE);
    await podman.untilLogged(id, "listening");
    const [line] = logLines((await podman.run("logs", id)).stdout);
    const startedAt = await podman.inspect(id, "{{.State.StartedAt.UnixMilli}}");
    starts.push((line!["time"] as number) - Number(startedAt));
    await podman.must("rm", "--force", "--time", "5", id);
  }
  show("container start until it is ready, likewise", starts, 3);
  expect(starts.every((ms) => ms > 0)).toBe(true);
});

test("memory and processor time of a probe", async () => {
  const id = await podman.must("run", "--detach", ...SAFE, "--no-healthcheck", IMAGE);
  await podman.untilLogged(id, "listening");
  const ping = ["exec", id, "podbus", "ping", "--quiet"];
  await podman.must(...ping);

  const cgroup = cgroupOf(Number(await podman.inspect(id, "{{.State.Pid}}")));
  const idle = cgroup.bytes();
  const cpuBefore = cgroup.cpuMs();
  let peak = idle;
  const sampling = setInterval(() => {
    peak = Math.max(peak, cgroup.bytes());
  }, 1);
  for (let i = 0; i < ROUNDS; i++) await podman.must(...ping);
  clearInterval(sampling);
  const cpuMs = (cgroup.cpuMs() - cpuBefore) / ROUNDS;

  console.log(
    `an idle broker, with a probe behind it, has ${inMiB(idle)}; a probe takes ${cpuMs.toFixed(0)} ms of processor`,
  );
  tell("podbus ping adds while it runs", inMiB(peak - idle), "<= 60 MiB", peak - idle <= 60 * MIB);
  expect(peak).toBeGreaterThan(idle);
  expect(peak - idle).toBeLessThanOrEqual(60 * MIB);
});

test("what the image adds to its base", async () => {
  const code = `const { readdirSync, statSync } = require("node:fs");
    const files = readdirSync("/podbus", { recursive: true }).map((name) => statSync("/podbus/" + name));
    console.log(files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0));`;
  const options = [...SAFE, "--no-healthcheck", "--entrypoint", "node"];
  const bytes = Number(await podman.must("run", "--rm", ...options, IMAGE, "-e", code));
  tell("content without Node and the base", inMiB(bytes), "< 8 MiB", bytes < 8 * MIB);
  expect(bytes).toBeLessThan(8 * MIB);
});
