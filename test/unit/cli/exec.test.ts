import { expect, test } from "vitest";

import { execute } from "../../../cli/exec.ts";

const call = { topic: "a.b", input: Buffer.from("hello") };
const node = process.execPath;

test("the payload is standard input, and standard output the answer", async () => {
  expect(await execute("cat", [], call)).toBe("hello");
});

test("bytes that are not UTF-8 stay bytes", async () => {
  const input = Buffer.from([0xff, 0x00]);
  expect(await execute("cat", [], { ...call, input })).toEqual(input);
});

test("the topic is in the environment, and arguments are not for a shell", async () => {
  const script = "process.stdout.write(JSON.stringify([process.env.PODBUS_TOPIC, ...process.argv.slice(1)]))";
  const answer = await execute(node, ["-e", script, "--", "$HOME; *", "--flag"], call);
  expect(JSON.parse(String(answer))).toEqual(["a.b", "$HOME; *", "--flag"]);
});

test("a program that fails is an error: the last line that it said", async () => {
  const script = "console.error('first\\nthe last word\\n'); process.exit(3)";
  await expect(execute(node, ["-e", script], call)).rejects.toThrow(/^the last word$/);
  await expect(execute(node, ["-e", "process.exit(3)"], call)).rejects.toThrow(/exited with 3$/);
  await expect(execute(node, ["-e", "process.kill(process.pid)"], call)).rejects.toThrow(/was ended by SIGTERM$/);
});

test("a program that is not there is named", async () => {
  await expect(execute("no-such-program-here", [], call)).rejects.toThrow("no-such-program-here: no such command");
});

test("a program that does not read its input answers all the same", async () => {
  const input = Buffer.alloc(1024 * 1024);
  expect(await execute("echo", ["done"], { ...call, input })).toBe("done\n");
});

test("a call that nobody waits for ends the program", async () => {
  const abort = new AbortController();
  const running = execute(node, ["-e", "setInterval(() => {}, 1000)"], { ...call, signal: abort.signal });
  abort.abort();
  await expect(running).rejects.toThrow(/abort/);
});
