import { once } from "node:events";
import { closeSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { PodbusError } from "../../../../shared/errors.ts";
import { connectFd, connectPath, connectSocket } from "../../../../shared/os/connect.ts";
import { freshFolder, freshName, listening, nextConnection, parse, readAll } from "./support.ts";

describe("connectSocket", () => {
  test("carries bytes both ways over an abstract name", async () => {
    const { server, address } = await listening(freshName());
    const accepted = nextConnection(server);
    const client = await connectSocket(parse(address));
    const served = await accepted;
    served.pipe(served);
    client.end("there and back");
    expect(await readAll(client)).toBe("there and back");
  });

  test.each(["abstract", "file", "without the C library"])("reads into one buffer, over and over (%s)", async (how) => {
    const { server, address } = await listening(how === "abstract" ? freshName() : join(freshFolder(), "bus.sock"));
    const buffer = Buffer.alloc(4);
    let text = "";
    const onread = {
      buffer,
      callback: (bytes: number, chunk: Uint8Array): boolean => {
        expect(chunk.buffer).toBe(buffer.buffer);
        text += Buffer.from(chunk.subarray(0, bytes)).toString();
        return true;
      },
    };
    const accepted = nextConnection(server);
    const client = how.startsWith("without")
      ? await connectPath(address, { onread })
      : await connectSocket(parse(address), { onread });
    (await accepted).end("in pieces of four bytes");
    await once(client, "end");
    expect(text).toBe("in pieces of four bytes");
    client.destroy();
  });

  test("refuses with the system's code, and prints no NUL", async () => {
    const name = freshName();
    await expect(connectSocket(parse(name))).rejects.toMatchObject({
      code: "ECONNREFUSED",
      syscall: "connect",
      message: `connect ECONNREFUSED ${name}`,
    });
    const path = join(freshFolder(), "none.sock");
    await expect(connectSocket(parse(path))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(connectPath(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("refuses a name that is longer or shorter than the one that listens", async () => {
    const { address } = await listening(freshName());
    await expect(connectSocket(parse(`${address}x`))).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(connectSocket(parse(address.slice(0, -1)))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("refuses @ alone", async () => {
    await expect(connectSocket({ kind: "autobind", text: "@" })).rejects.toBeInstanceOf(PodbusError);
  });
});

describe("connectFd", () => {
  test("gives a descriptor that is non-blocking and close-on-exec", async () => {
    const { address } = await listening(freshName());
    const fd = connectFd(parse(address))!;
    const flags = Number.parseInt(/^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))![1]!, 8);
    closeSync(fd);
    expect(flags & 0o4000).toBe(0o4000);
    expect(flags & 0o2000000).toBe(0o2000000);
  });

  test("leaves no descriptor open where it fails", () => {
    const next = (): number => {
      try {
        return connectFd(parse(freshName()))!;
      } catch {
        return -1;
      }
    };
    // Far above any limit of open files, were they kept.
    for (let i = 0; i < 2000; i++) expect(next()).toBe(-1);
    expect(() => readFileSync("/dev/null")).not.toThrow();
  });
});
