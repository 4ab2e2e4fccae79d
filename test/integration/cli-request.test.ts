import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  type BrokerProcess,
  eventually,
  type Result,
  type Running,
  runCli,
  startBroker,
  startCli,
  uniqueAddress,
} from "../support/processes.ts";

let broker: BrokerProcess;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const run = (args: string[], input?: string | Uint8Array): Promise<Result> =>
  runCli(args, { env: broker.env, ...(input !== undefined && { input }) });

async function respond(topic: string, ...args: string[]): Promise<Running> {
  const started = startCli(["respond", ...args], { env: broker.env });
  expect(await run(["wait", topic, "--for", "responder"])).toMatchObject({ code: 0 });
  return started;
}

describe("respond --exec", () => {
  test("answers with what the command prints, to the byte", async () => {
    await using _responder = await respond("exec.cat", "exec.cat", "--exec", "cat");
    expect(await run(["request", "exec.cat", "hello"])).toMatchObject({ code: 0, stdout: "hello\n", stderr: "" });
    expect(await run(["request", "exec.cat", "hello", "--raw"])).toMatchObject({ stdout: "hello" });
    expect(await run(["request", "exec.cat", '{"a":[1]}'])).toMatchObject({ stdout: '{"a":[1]}\n' });
    const bytes = Buffer.from([0, 0xff, 0x0a, 0x0d]);
    expect((await run(["request", "exec.cat", "-", "--raw"], bytes)).bytes.equals(bytes)).toBe(true);
  });

  test("knows the topic, and passes arguments on as they are", async () => {
    const script = "process.stdout.write([process.env.PODBUS_TOPIC, ...process.argv.slice(1)].join('|'))";
    await using _responder = await respond(
      "args.x",
      "args.*",
      "--exec",
      process.execPath,
      "-e",
      script,
      "--",
      "--json",
      "$HOME *",
    );
    expect(await run(["request", "args.x"])).toMatchObject({ code: 0, stdout: "args.x|--json|$HOME *\n" });
  });

  test("a command that fails is the caller's error: the last line that it said", async () => {
    await using _responder = await respond(
      "exec.fail",
      "exec.fail",
      "--exec",
      "sh",
      "-c",
      "echo no >&2; echo 'no such order' >&2; exit 3",
    );
    const { code, stdout, stderr } = await run(["request", "exec.fail"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^podbus: [^\n]*no such order[^\n]*\n$/);
  });

  test("a command that is not there is named", async () => {
    await using _responder = await respond("exec.none", "exec.none", "--exec", "no-such-program-here");
    expect((await run(["request", "exec.none"])).stderr).toMatch(
      /^podbus: [^\n]*no-such-program-here: no such command\n$/,
    );
  });

  test("--concurrency runs several at once", async () => {
    // Each call waits for the other: one at a time would never end.
    const meet =
      'touch "$0/$PODBUS_TOPIC"; until [ -e "$0/meet.a" ] && [ -e "$0/meet.b" ]; do sleep 0.02; done; echo met';
    const folder = mkdtempSync(join(tmpdir(), "podbus-meet-"));
    try {
      await using _responder = await respond(
        "meet.a",
        "meet.*",
        "--concurrency",
        "2",
        "--exec",
        "sh",
        "-c",
        meet,
        folder,
      );
      const answers = await Promise.all([run(["request", "meet.a"]), run(["request", "meet.b"])]);
      expect(answers).toMatchObject([{ stdout: "met\n" }, { stdout: "met\n" }]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("a signal lets it finish what it has", async () => {
    await using responder = await respond(
      "exec.slow",
      "exec.slow",
      "--exec",
      "sh",
      "-c",
      "echo begun >&2; sleep 0.5; echo done",
    );
    const call = run(["request", "exec.slow"]);
    await eventually(async () => {
      const { stdout } = await run(["stats", "--json"]);
      return (JSON.parse(stdout) as { pendingRequests: number }).pendingRequests > 0;
    });
    expect(await responder.stop("SIGTERM")).toMatchObject({ code: 0 });
    expect(await call).toMatchObject({ code: 0, stdout: "done\n" });
  });
});

describe("request", () => {
  test("prints a fixed answer, as text, JSON or bytes", async () => {
    await using _responder = await respond("fixed.a", "fixed.a", '{"ok": true}');
    expect(await run(["request", "fixed.a"])).toMatchObject({ code: 0, stdout: '{"ok":true}\n' });
    await using _text = await respond("fixed.b", "fixed.b", "two\nlines\n");
    expect(await run(["request", "fixed.b"])).toMatchObject({ stdout: "two\nlines\n" });
    expect(await run(["request", "fixed.b", "--json"])).toMatchObject({ stdout: '"two\\nlines\\n"\n' });
  });

  test("--many prints every answer", async () => {
    await using _responder = await respond("many.a", "many.a", "only");
    expect(await run(["request", "many.a", "--many"])).toMatchObject({ code: 0, stdout: "only\n" });
  });

  test("says at once when nobody responds", async () => {
    const { code, stderr } = await run(["request", "nobody.here"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^podbus: [^\n]*nobody\.here[^\n]*\n$/);
  });

  test("gives up after its time-out", async () => {
    await using _responder = await respond("late.a", "late.a", "--exec", "sleep", "60");
    const { code, stderr } = await run(["request", "late.a", "--timeout", "100ms"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^podbus: [^\n]*\n$/);
  });
});

describe("ping, wait and stats", () => {
  test("ping tells the round trip", async () => {
    const shown = await run(["ping"]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/^@\S+ answered in [\d.]+ ms \(podbus \d+\.\d+\.\d+, up .*\)\n$/);
    expect(JSON.parse((await run(["ping", "--json"])).stdout)).toMatchObject({ address: broker.address });
    expect(await run(["ping", "--quiet"])).toMatchObject({ code: 0, stdout: "" });
  });

  test("wait gives up after its time-out", async () => {
    const { code, stderr } = await run(["wait", "nobody.here", "--timeout", "50ms"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^podbus: nobody subscribes or responds to nobody\.here[^\n]*\n$/);
  });

  test("wait waits for the broker, too", async () => {
    const address = uniqueAddress();
    const waiting = runCli(["wait", "a.b", "--timeout", "30s", "--address", address]);
    await using late = await startBroker({ address });
    await using _reader = startCli(["sub", "a.b"], { env: late.env });
    expect(await waiting).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  test("stats shows the broker's counters", async () => {
    const stats = JSON.parse((await run(["stats", "--json"])).stdout) as Record<string, unknown>;
    expect(stats).toMatchObject({ address: broker.address, pid: broker.pid, clients: expect.any(Number) as number });
    const shown = await run(["stats"]);
    expect(shown.code).toBe(0);
    const { limited, ...others } = stats;
    for (const name of Object.keys(others)) expect(shown.stdout).toMatch(new RegExp(`^${name} `, "m"));
    // Of the limits those that were reached.
    expect(limited).toMatchObject({ maxFrame: 0, maxConnections: 0 });
    expect(shown.stdout).not.toContain("was reached");
    await using small = await startBroker({ args: ["--max-queues", "0"] });
    expect(await runCli(["sub", "a", "--queue", "q"], { env: small.env })).toMatchObject({ code: 1 });
    expect((await runCli(["stats"], { env: small.env })).stdout).toMatch(/^times maxQueues was reached +1$/m);
  });
});
