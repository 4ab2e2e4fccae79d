import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";

import { PodbusError } from "../../../../shared/errors.ts";
import { connectFd, connectSocket } from "../../../../shared/os/connect.ts";
import { LOCK_EX_NB, unixAddress, unixSocket } from "../../../../shared/os/libc.ts";
import { listen, listenPath, type Listening } from "../../../../shared/os/listen.ts";
import {
  closeLater,
  freshFolder,
  freshName,
  kernelRows,
  listening,
  nextConnection,
  parse,
  readAll,
  requireLibc,
} from "./support.ts";

async function refusal(attempt: Promise<Listening>): Promise<PodbusError> {
  const outcome = await attempt.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(PodbusError);
  expect((outcome as PodbusError).message).not.toMatch(/\p{Cc}/u);
  return outcome as PodbusError;
}

/** A socket file as a broker that was killed leaves it: bound once, and nobody there. */
function leaveStale(path: string): void {
  const libc = requireLibc();
  const fd = unixSocket(libc);
  const bytes = unixAddress({ path });
  expect(libc.bind(fd, bytes, bytes.length)).toBe(0);
  closeSync(fd);
}

describe("an abstract address", () => {
  test("is bound under its exact name, without padding", async () => {
    const name = freshName();
    expect((await listening(name)).address).toBe(name);
    expect(kernelRows(name)).toHaveLength(1);
  });

  test.each([106, 107])("may have a name of %i bytes", async (length) => {
    const name = freshName().padEnd(1 + length, "x");
    expect((await listening(name)).address).toBe(name);
    expect(kernelRows(name)).toHaveLength(1);
    await expect(connectSocket(parse(name.slice(0, -1)))).rejects.toMatchObject({ code: "ECONNREFUSED" });
    (await connectSocket(parse(name))).destroy();
  });

  test("is UTF-8, and may have any character but NUL", async () => {
    const name = `${freshName()} é 🚌@\n`;
    expect((await listening(name)).address).toBe(name);
    (await connectSocket(parse(name))).destroy();
    expect((await refusal(listen(parse(name)))).message).toContain("🚌@\\x0a is taken");
  });

  test("that is taken is refused, by its name, and no NUL is printed", async () => {
    const name = freshName();
    await listening(name);
    const error = await refusal(listen(parse(name)));
    expect(error.code).toBe("address_in_use");
    expect(error.message).toContain(`${name} is taken`);
    expect(error.cause).toMatchObject({ code: "EADDRINUSE", syscall: "bind" });
  });

  test("is free as soon as it is closed, while its connections live", async () => {
    const name = freshName();
    const first = await listening(name);
    const accepted = nextConnection(first.server);
    const client = await connectSocket(parse(name));
    const served = await accepted;
    first.close();
    first.close();
    await listening(name);
    served.end("still here");
    expect(await readAll(client)).toBe("still here");
  });

  test("is picked by the kernel for @", async () => {
    const first = await listening("@");
    const second = await listening("@");
    expect(first.address).toMatch(/^@[0-9a-f]{5}$/);
    expect(second.address).not.toBe(first.address);
    expect(kernelRows(first.address)).toHaveLength(1);
    (await connectSocket(parse(first.address))).destroy();
  });

  test("has a real backlog: more than Node's 511 may wait, and no more than asked for", async () => {
    const name = freshName();
    await listening(name, { backlog: 600 });
    const fds: number[] = [];
    let code: string | undefined;
    // In one turn, so that nothing is accepted meanwhile.
    while (code === undefined) {
      try {
        fds.push(connectFd(parse(name))!);
      } catch (error) {
        ({ code } = error as NodeJS.ErrnoException);
      }
    }
    for (const fd of fds) closeSync(fd);
    expect(code).toBe("EAGAIN");
    // The kernel lets one more wait than the backlog says.
    expect(fds).toHaveLength(601);
  });
});

describe("connections", () => {
  test("come paused and half-open: the answer to a client that closed its writing side arrives", async () => {
    const { server, address } = await listening(freshName());
    const accepted = nextConnection(server);
    const client = await connectSocket(parse(address));
    const served = await accepted;
    expect(served.isPaused()).toBe(true);
    client.end("question");
    expect(await readAll(served)).toBe("question");
    served.end("answer");
    expect(await readAll(client)).toBe("answer");
  });
});

describe("a file-system address", () => {
  test.each([0o000, 0o077])("has mode 0660, and is removed at the end (umask %i)", async (umask) => {
    const before = process.umask(umask);
    onTestFinished(() => void process.umask(before));
    const path = join(freshFolder(), "bus.sock");
    const { close, address } = await listening(path);
    expect(address).toBe(path);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(lstatSync(path).mode & 0o777).toBe(0o660);
    (await connectSocket(parse(path))).destroy();
    close();
    expect(existsSync(path)).toBe(false);
  });

  test("that a killed broker left is replaced", async () => {
    const path = join(freshFolder(), "bus.sock");
    leaveStale(path);
    await listening(path);
    (await connectSocket(parse(path))).destroy();
  });

  test("on which somebody accepts is refused, and left alone", async () => {
    const path = join(freshFolder(), "bus.sock");
    await listening(path);
    const error = await refusal(listen(parse(path)));
    expect(error.code).toBe("address_in_use");
    expect(error.message).toContain(`${path} is taken`);
    (await connectSocket(parse(path))).destroy();
  });

  test("on which somebody listens who is too busy to accept is refused", async () => {
    const path = join(freshFolder(), "bus.sock");
    await listening(path, { backlog: 1 });
    const fds = [connectFd(parse(path))!, connectFd(parse(path))!];
    // The attempt asks before it gives the other a turn.
    const attempt = refusal(listen(parse(path)));
    expect((await attempt).code).toBe("address_in_use");
    for (const fd of fds) closeSync(fd);
  });

  test("that is a file or a link is refused, and left alone", async () => {
    const folder = freshFolder();
    const file = join(folder, "notes.txt");
    const link = join(folder, "link");
    writeFileSync(file, "mine");
    symlinkSync(file, link);
    for (const path of [file, link, folder]) {
      const error = await refusal(listen(parse(path)));
      expect(error.code).toBe("address_in_use");
      expect(error.message).toContain("not a socket");
    }
    expect(existsSync(file)).toBe(true);
  });

  test("in a folder that does not exist is refused with what to do", async () => {
    const error = await refusal(listen(parse(join(freshFolder(), "missing", "bus.sock"))));
    expect(error.code).toBe("bad_address");
    expect(error.message).toContain("create it");
  });

  test("that is another's by the time of the end is left to them", async () => {
    const path = join(freshFolder(), "bus.sock");
    const first = await listening(path);
    unlinkSync(path);
    await listening(path);
    first.close();
    expect(existsSync(path)).toBe(true);
  });

  test("goes to one of many that start at once over a stale file", async () => {
    const path = join(freshFolder(), "bus.sock");
    leaveStale(path);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => listening(path)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    (await connectSocket(parse(path))).destroy();
  });

  test("waits for one who is replacing a socket in the same folder", async () => {
    const folder = freshFolder();
    const fd = openSync(folder, "r");
    expect(requireLibc().flock(fd, LOCK_EX_NB)).toBe(0);
    let done = false;
    const attempt = listening(join(folder, "bus.sock")).then((result) => {
      done = true;
      return result;
    });
    await sleep(30);
    expect(done).toBe(false);
    closeSync(fd);
    await attempt;
  });

  test("works in a folder that can't be read, and so not locked", async () => {
    const folder = join(freshFolder(), "dark");
    mkdirSync(folder);
    chmodSync(folder, 0o300);
    onTestFinished(() => chmodSync(folder, 0o700));
    await listening(join(folder, "bus.sock"));
  });
});

describe("listening without the C library", () => {
  test("does the same for a file: mode, stale file, taken, removed", async () => {
    const path = join(freshFolder(), "bus.sock");
    leaveStale(path);
    const result = await listenPath(path);
    closeLater(result);
    expect(lstatSync(path).mode & 0o777).toBe(0o660);
    expect((await refusal(listenPath(path))).code).toBe("address_in_use");
    result.close();
    expect(existsSync(path)).toBe(false);
  });
});
