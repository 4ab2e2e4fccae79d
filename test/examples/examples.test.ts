// Runs every example against every other that speaks its protocol, as real processes, and ends them all.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Folder } from "../support/folder.ts";
import { type BrokerProcess, type Running, startBroker, uniqueAddress } from "../support/processes.ts";
import { printsLine, Processes } from "./processes.ts";
import {
  LANGUAGES,
  PAIRS,
  podbus,
  preparePrograms,
  queueProgram,
  shellTour,
  type Language,
  type Programs,
} from "./programs.ts";

const folder = mkdtempSync(join(tmpdir(), "podbus-examples-"));
const preparation = new Processes();
let programs: Programs;

beforeAll(async () => {
  programs = await preparePrograms(preparation, folder);
});

afterAll(async () => {
  await preparation.stopAll();
  rmSync(folder, { recursive: true, force: true });
});

describe("an abstract socket, without the bus", () => {
  const processes = new Processes();
  const listeners = new Map<Language | "Go, gob", Running>();
  const base = uniqueAddress();
  const addressOf = (what: string): string => `${base}-${what}`;
  const env = (what: string) => ({ env: { SOCKET_ADDRESS: addressOf(what) } });

  beforeAll(async () => {
    listeners.set("Go, gob", processes.start(programs.of("Go", "listen"), env("gob")));
    for (const language of LANGUAGES) {
      const json = language === "Go" ? ["-json"] : [];
      listeners.set(language, processes.start([...programs.of(language, "listen"), ...json], env(language)));
    }
    await printsLine(listeners.get("Go, gob")!, `listening on ${addressOf("gob")}`);
    for (const language of LANGUAGES) await printsLine(listeners.get(language)!, `listening on ${addressOf(language)}`);
  });
  afterAll(() => processes.stopAll());

  test("Go's net/rpc over HTTP is called from Go", async () => {
    expect(await processes.succeed([...programs.of("Go", "call"), "20", "22"], env("gob"))).toBe("20 + 22 = 42\n");
    await printsLine(listeners.get("Go, gob")!, "called with 20 and 22: 42");
  });

  test.each(PAIRS)("JSON lines: %s is called from %s", async (answers, calls) => {
    const json = calls === "Go" ? ["-json"] : [];
    const command = [...programs.of(calls, "call"), ...json, "70000", "22"] as const;
    expect(await processes.succeed(command, env(answers))).toBe("70000 + 22 = 70022\n");
  });

  test.each(LANGUAGES)("%s says in a line that nobody listens", async (language) => {
    const { code, stdout, stderr } = await processes.run(programs.of(language, "call"), env("nobody"));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(addressOf("nobody"));
  });

  test.each(["Go", "Python"] as const)("%s lists the sockets, and who holds them", async (language) => {
    const lines = (await processes.succeed(programs.list[language])).split("\n");
    for (const [what, running] of listeners) {
      const address = addressOf(what === "Go, gob" ? "gob" : what);
      expect(lines.some((line) => line.startsWith(`${address}\t${running.pid}\t`))).toBe(true);
    }
  });

  test("podbus ls lists the sockets, and who holds them", async () => {
    const lines = (await processes.succeed([...podbus, "ls"])).split("\n");
    for (const [what, running] of listeners) {
      const address = addressOf(what === "Go, gob" ? "gob" : what);
      expect(lines.find((line) => line.includes(address))).toContain(String(running.pid));
    }
  });
});

describe("through the bus", () => {
  const processes = new Processes();
  const address = uniqueAddress();
  const options = { env: { PODBUS_ADDRESS: address } };
  let broker: BrokerProcess;

  beforeAll(async () => {
    broker = await startBroker({ address });
  });
  afterAll(async () => {
    await processes.stopAll();
    await broker.stop();
  });

  test.each(LANGUAGES)("%s says in a line that nobody responds", async (language) => {
    const { code, stdout, stderr } = await processes.run(programs.of(language, "bus-call"), options);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("no_responders");
  });

  describe.each(LANGUAGES)("requests that %s answers", (answers) => {
    let responder: Running;

    beforeAll(async () => {
      responder = processes.start(programs.of(answers, "bus-respond"), options);
      await printsLine(responder, `answering math.add on ${address}`);
    });
    afterAll(async () => {
      await responder.stop();
    });

    test.each(LANGUAGES)("%s calls", async (calls) => {
      const command = [...programs.of(calls, "bus-call"), "70000", "-22"] as const;
      expect(await processes.succeed(command, options)).toBe("70000 + -22 = 69978\n");
      await printsLine(responder, "answered 70000 + -22 = 69978");
    });

    test("one without numbers is refused, and the next answered", async () => {
      const { code, stderr } = await processes.run([...podbus, "request", "math.add", "text"], options);
      expect(code).toBe(1);
      expect(stderr).toContain("expected a map {a, b}");
      expect(await processes.succeed(programs.of("Python", "bus-call"), options)).toBe("2 + 3 = 5\n");
    });
  });

  describe("messages", () => {
    let subscribers: Running[];

    beforeAll(async () => {
      subscribers = LANGUAGES.map((language) => processes.start(programs.of(language, "bus-subscribe"), options));
      for (const subscriber of subscribers) await printsLine(subscriber, `subscribed to orders.> on ${address}`);
    });

    test.each(LANGUAGES)("that %s publishes reach every language", async (language) => {
      const topic = `orders.${language}.created`;
      const stdout = await processes.succeed([...programs.of(language, "bus-publish"), topic, "300"], options);
      expect(stdout).toBe(`published to ${topic}: 3 received it\n`);
      for (const subscriber of subscribers) await printsLine(subscriber, `${topic} {"id":300,"items":["tea","milk"]}`);
    });

    test("Go and Python end in good order with the broker", async () => {
      const ended = broker.stop();
      const [go, python, typescript] = subscribers;
      expect((await go!.ended).code).toBe(0);
      expect((await python!.ended).code).toBe(0);
      await typescript!.stop(); // it would wait for the next broker
      expect((await ended).code).toBe(0);
    });

    test.each(["Go", "Python"] as const)("%s says in a line that there is no broker", async (language) => {
      const { code, stderr } = await processes.run(programs.of(language, "bus-publish"), options);
      expect(code).toBe(1);
      expect(stderr).toContain(`no broker at ${address}`);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    });
  });
});

describe("with a secret", () => {
  const processes = new Processes();
  const secret = "a secret for examples";

  afterAll(() => processes.stopAll());

  /** A broker that asks for it, and the environment of one who has this file for a secret. */
  async function withSecret(
    test: (env: (secret: string) => { env: Record<string, string> }) => Promise<void>,
  ): Promise<void> {
    using folder = new Folder({ secret: `${secret}\n`, other: "another secret of some length" });
    await using broker = await startBroker({ args: ["--secret-file", folder.file("secret")] });
    await test((name) => ({ env: { ...broker.env, PODBUS_SECRET_FILE: folder.file(name) } }));
  }

  test.each(LANGUAGES)("%s proves it, and refuses whoever does not", async (language) => {
    const command = programs.of(language, language === "Python" ? "bus-secret" : "bus-publish");
    await withSecret(async (env) => {
      expect(await processes.succeed(command, env("secret"))).toMatch(
        /^published to orders.eu.created: 0 received it\n$/,
      );
      const wrong = await processes.run(command, env("other"));
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toContain("bad_auth");
    });
    using folder = new Folder({ secret });
    await using stranger = await startBroker(); // asks for none
    const { code, stderr } = await processes.run(command, {
      env: { ...stranger.env, PODBUS_SECRET_FILE: folder.file("secret") },
    });
    expect(code).toBe(1);
    expect(stderr).toContain("bad_auth");
  });
});

describe("a queue", () => {
  const processes = new Processes();

  afterAll(() => processes.stopAll());

  test("jobs are done, in order for each album, and the one that always fails ends as a dead letter", async () => {
    await using broker = await startBroker();
    const worker = processes.start(queueProgram("queue-worker"), { env: broker.env });
    await printsLine(worker, `working on thumbnails.make at ${broker.address}`);
    const stdout = await processes.succeed(queueProgram("queue-produce"), { env: broker.env });
    expect(stdout.trim().split("\n")).toEqual(
      ["odd/11", "even/12", "odd/13", "even/14"].map((it) => `queued ${it} in 1 queue`),
    );
    await printsLine(worker, 'dead: {"album":"odd","picture":13}, attempts after 3 attempts');
    for (const made of ["odd/11", "even/12", "even/14"]) await printsLine(worker, `made ${made}, attempt 1`);
  });
});

describe("from the shell", () => {
  const processes = new Processes();

  afterAll(() => processes.stopAll());

  test("the tour publishes, subscribes, responds and requests", async () => {
    await using broker = await startBroker();
    const stdout = await processes.succeed(shellTour, { env: broker.env });
    for (const part of ["orders.eu.created", "tea", "milk", "HELLO FROM THE SHELL"]) expect(stdout).toContain(part);
  });
});
