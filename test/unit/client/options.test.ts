import { describe, expect, test } from "vitest";

import { type ConnectOptions, resolveOptions } from "../../../client/options.ts";

test("the defaults", () => {
  expect(resolveOptions({}, {})).toEqual({
    address: { kind: "abstract", name: "podbus", text: "@podbus" },
    name: undefined,
    secretFile: undefined,
    secret: undefined,
    brokerUid: undefined,
    connectTimeoutMs: 10_000,
    timeoutMs: 30_000,
    maxBuffered: 16 * 1024 * 1024,
    maxIncoming: 64 * 1024 * 1024,
  });
});

test("variables count where an option is left out, and an empty one is none", () => {
  const variables = {
    PODBUS_ADDRESS: "./x.sock",
    PODBUS_NAME: "worker",
    PODBUS_BROKER_UID: "7",
    PODBUS_SECRET_FILE: "/run/secret",
    PODBUS_CONNECT_TIMEOUT_MS: "1",
    PODBUS_TIMEOUT_MS: "2",
    PODBUS_MAX_BUFFERED: "3",
    PODBUS_MAX_INCOMING: "4096",
  };
  expect(resolveOptions({ timeoutMs: 9, address: undefined }, variables)).toMatchObject({
    address: { kind: "file", path: "./x.sock" },
    name: "worker",
    brokerUid: 7,
    secretFile: "/run/secret",
    connectTimeoutMs: 1,
    timeoutMs: 9,
    maxBuffered: 3,
    maxIncoming: 4096,
  });
  expect(resolveOptions({}, { PODBUS_ADDRESS: "", PODBUS_NAME: "" })).toMatchObject({
    address: { text: "@podbus" },
    name: undefined,
  });
});

test.each([
  ["secretFile", 5, "secretFile must be text, not number"],
  ["secret", 5, "secret must be text or bytes, not number"],
])("a value of another type is refused: %s", (name, value, message) => {
  expect(() => resolveOptions({ [name]: value }, {})).toThrow(message);
});

test("a secret that is given counts, and not the file of the environment", () => {
  const variables = { PODBUS_SECRET_FILE: "/run/secret" };
  expect(resolveOptions({ secret: "sixteen bytes ß" }, variables)).toMatchObject({
    secret: Buffer.from("sixteen bytes ß"),
    secretFile: undefined,
  });
  const secret = new Uint8Array(16).fill(1);
  const resolved = resolveOptions({ secret }, {});
  secret.fill(2);
  expect(resolved.secret).toEqual(Buffer.alloc(16, 1));
});

describe("what can't be", () => {
  test.each([
    [{ address: "podbus" }, {}, "bad_address"],
    [{ address: "@" }, {}, "bad_address"],
    [{ name: "" }, {}, "bad_option"],
    [{ name: 5 as never }, {}, "bad_option"],
    [{ address: 5 as never }, {}, "bad_address"],
    [{ name: "x".repeat(65) }, {}, "bad_option"],
    [{ name: "a\nb" }, {}, "bad_option"],
    [{ connectTimeoutMs: -1 }, {}, "bad_option"],
    [{ timeoutMs: Number.NaN }, {}, "bad_option"],
    [{ maxBuffered: 0 }, {}, "bad_option"],
    [{ maxIncoming: 4095 }, {}, "bad_option"],
    [{ brokerUid: 1.5 }, {}, "bad_option"],
    [{ secret: "fifteen bytes!!" }, {}, "bad_option"],
    [{ secret: "sixteen bytes!!!", secretFile: "/run/secret" }, {}, "bad_option"],
    [{}, { PODBUS_TIMEOUT_MS: "5s" }, "bad_option"],
  ])("%j %j", (options, variables, code) => {
    expect(() => resolveOptions(options, variables)).toThrow(expect.objectContaining({ code }));
  });
});

test("a name that is no option is refused, not left out", () => {
  const misspelt = { addres: "@other" } as ConnectOptions;
  expect(() => resolveOptions(misspelt, {})).toThrow(/^connect\(\) has no option "addres"; it has address, /);
});
