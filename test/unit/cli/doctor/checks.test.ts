import { describe, expect, test } from "vitest";

import { checkCredentials } from "../../../../cli/doctor/credentials.ts";
import { checkLimits, type LimitFacts } from "../../../../cli/doctor/limits.ts";
import { checkData, checkSocketPlace, type Place } from "../../../../cli/doctor/places.ts";
import { checkSecret } from "../../../../cli/doctor/secret.ts";
import { showChecks } from "../../../../cli/doctor/show.ts";

const MIB = 1024 * 1024;

describe("credentials", () => {
  const own = { uid: 1000, gid: 1000, pid: 7 };

  test.each([
    ["the kernel tells", own, own, "ok", /uid 1000/],
    ["it tells nothing", own, undefined, "problem", /does not tell/],
    [
      "it tells something else",
      own,
      { ...own, uid: 0, pid: 0 },
      "problem",
      /uid 0 instead of 1000, pid 0 instead of 7/,
    ],
    ["no socket can be made", own, "koffi could not be loaded", "problem", /koffi/],
    ["an unmapped uid", { ...own, uid: 65534 }, { ...own, uid: 65534 }, "warning", /65534/],
  ])("%s", (_what, own, seen, state, says) => {
    const check = checkCredentials({ own, seen });
    expect([check.state, check.advice !== undefined]).toEqual([state, state !== "ok"]);
    expect(check.says).toMatch(says);
  });
});

describe("the secret", () => {
  test.each([
    ["one that only some may read", 1, false, "ok", /a secret is read/],
    ["several", 3, undefined, "ok", /3 secrets are read/],
    ["one that everybody may read", 1, true, "warning", /every user here may read/],
    ["one that can't be read", "there is no such file", undefined, "problem", /no such file/],
  ])("%s", (_what, found, isOpen, state, says) => {
    const check = checkSecret({ path: "/s", found, isOpen });
    expect([check.state, check.advice !== undefined]).toEqual([state, state !== "ok"]);
    expect(check.says).toMatch(says);
  });
});

describe("limits", () => {
  const some: LimitFacts = {
    openFiles: 20_000,
    maxConnections: undefined,
    containerMemory: 512 * MIB,
    cgroup: 2,
    memoryLimit: undefined,
    somaxconn: 4096,
  };

  test("what is usual", () => {
    const checks = checkLimits(some);
    expect(checks.map(({ check, state }) => [check, state])).toEqual([
      ["files", "ok"],
      ["memory", "ok"],
      ["backlog", "ok"],
    ]);
    expect(checks[1]!.says).toBe("the container may use 512 MiB (cgroup v2); the default of --memory-limit is 256 MiB");
    expect(checks[0]!.facts).toEqual({ openFiles: 20_000, maxConnections: 4096 });
  });

  test.each<[what: string, facts: Partial<LimitFacts>, index: number, state: string, says: RegExp]>([
    ["few files", { openFiles: 256 }, 0, "warning", /256 files .* 192 connections/],
    ["more connections than files", { openFiles: 1024, maxConnections: 2000 }, 0, "problem", /room for 960 .* 2,000/],
    ["no limit of files", { openFiles: Infinity, maxConnections: 9000 }, 0, "ok", /not limited: up to 9,000/],
    ["no container", { containerMemory: undefined, cgroup: 1 }, 1, "ok", /no memory limit .*v1.* 256 MiB/],
    ["a small container", { containerMemory: 32 * MIB }, 1, "warning", /32 MiB/],
    ["all of the container's", { memoryLimit: 512 * MIB }, 1, "problem", /--memory-limit is 512 MiB/],
    ["nearly all of it", { memoryLimit: 450 * MIB }, 1, "warning", /450 MiB/],
    ["enough of it", { memoryLimit: 416 * MIB }, 1, "ok", /416 MiB/],
    ["a short backlog", { somaxconn: 128 }, 2, "warning", /128 connections may wait/],
    ["a backlog that can't be read", { somaxconn: undefined }, 2, "ok", /can't be read/],
  ])("%s", (_what, facts, index, state, says) => {
    const check = checkLimits({ ...some, ...facts })[index]!;
    expect([check.state, check.advice !== undefined]).toEqual([state, state !== "ok"]);
    expect(check.says).toMatch(says);
  });
});

describe("the data directory", () => {
  const mount = { point: "/data", type: "ext4", source: "/dev/sda", readOnly: false };
  const place: Place = { path: "/data", kind: "directory", writable: true, mount, freeBytes: 1024 * MIB };
  const on = (type: string): Partial<Place> => ({ mount: { ...mount, type } });

  test("none is no problem, and says what follows", () => {
    expect(checkData(undefined, 0)).toMatchObject({ state: "ok", says: expect.stringMatching(/nothing survives/) });
  });

  test.each<[what: string, seen: Partial<Place>, state: string, says: RegExp]>([
    ["a disk", {}, "ok", /\/data on ext4 \(mounted at \/data\), 1\.0 GiB of room/],
    ["one that will be made", { kind: "missing" }, "ok", /will be made/],
    ["what can't be told", { mount: undefined, freeBytes: undefined }, "ok", /^\/data$/],
    ["a file", { kind: "other" }, "problem", /not a directory/],
    ["read-only", { mount: { ...mount, readOnly: true }, writable: false }, "problem", /read-only.*ext4 at \/data/],
    ["of another user", { writable: false }, "problem", /uid 1000 may not write/],
    ["full", { freeBytes: MIB - 1 }, "problem", /refuses to write/],
    ["nearly full", { freeBytes: 10 * MIB }, "warning", /10 MiB of room/],
    ["in memory", on("tmpfs"), "warning", /in memory/],
    ["of the container", on("overlay"), "warning", /container's own layer/],
    ["over a network", on("nfs4"), "warning", /over a network/],
    ["of a user's program", on("fuse.sshfs"), "warning", /over a network/],
    ["of a user's program that is the container's layer", on("fuse.fuse-overlayfs"), "warning", /own layer/],
  ])("%s", (_what, seen, state, says) => {
    const check = checkData({ ...place, ...seen }, 1000);
    expect([check.state, check.advice !== undefined]).toEqual([state, state !== "ok"]);
    expect(check.says).toMatch(says);
  });

  test("a socket's directory must be there, and be one to write to", () => {
    expect(checkSocketPlace(place, 0).state).toBe("ok");
    expect(checkSocketPlace({ ...place, kind: "missing" }, 0).says).toMatch(/does not exist/);
    expect(checkSocketPlace({ ...place, writable: false }, 5).says).toMatch(/uid 5 may not write/);
  });
});

test("people see a line a check, what to do below it, and how many problems there are; nothing steers their terminal", () => {
  const text = showChecks([
    { check: "name", state: "ok", says: "fine", facts: {} },
    { check: "files", state: "warning", says: "few", advice: "more", facts: {} },
    { check: "data", state: "problem", says: "bad \u001B[2J", advice: "mend it", facts: {} },
  ]);
  expect(text.split("\n")).toEqual([
    "name   ok       fine",
    "files  warning  few",
    "                → more",
    "data   PROBLEM  bad \\x1b[2J",
    "                → mend it",
    "1 problem, 1 warning",
    "",
  ]);
});
