import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";

import { isNonce, isProof, provenAddress, prove, secretOf } from "../../../shared/proof.ts";

const secret = Buffer.from("0123456789abcdef");
const challenge = { brokerNonce: Buffer.alloc(16, 1), clientNonce: Buffer.alloc(16, 2), address: "@podbus" };

describe("a proof", () => {
  test("is the HMAC of label, nonces and address, one behind the other", () => {
    const signed = `podbus1-client${"\u0001".repeat(16)}${"\u0002".repeat(16)}@podbus`;
    expect(prove("client", secret, challenge)).toEqual(createHmac("sha256", secret).update(signed).digest());
  });

  test("is another one for each side, secret, nonce and address", () => {
    const all = [
      prove("client", secret, challenge),
      prove("broker", secret, challenge),
      prove("client", Buffer.from("0123456789abcdeF"), challenge),
      prove("client", secret, { ...challenge, brokerNonce: challenge.clientNonce }),
      prove("client", secret, { ...challenge, clientNonce: challenge.brokerNonce }),
      prove("client", secret, { ...challenge, address: "@podbus2" }),
      prove("client", secret, { ...challenge, address: "" }),
    ];
    expect(new Set(all.map((proof) => proof.toString("hex"))).size).toBe(all.length);
  });

  test("is all 32 bytes, and bytes", () => {
    const expected = prove("client", secret, challenge);
    expect(isProof(Uint8Array.from(expected), expected)).toBe(true);
    for (let i = 0; i < 32; i++) {
      const wrong = Buffer.from(expected);
      wrong[i]! ^= 1;
      expect(isProof(wrong, expected)).toBe(false);
    }
    for (const wrong of [undefined, null, "", expected.toString("hex"), expected.subarray(0, 31), [...expected], 1]) {
      expect(isProof(wrong, expected)).toBe(false);
    }
  });
});

test("a nonce is 16 bytes", () => {
  expect(isNonce(Buffer.alloc(16))).toBe(true);
  for (const wrong of [Buffer.alloc(15), Buffer.alloc(17), "0123456789abcdef", undefined, null]) {
    expect(isNonce(wrong)).toBe(false);
  }
});

test("of addresses only abstract ones are signed", () => {
  expect(["@podbus", "@größe", "/run/podbus.sock", "./x"].map((address) => provenAddress(address))).toEqual([
    "@podbus",
    "@größe",
    "",
    "",
  ]);
});

test.each([
  ["secret", "secret"],
  ["secret\n", "secret"],
  ["secret\r\n", "secret"],
  ["secret\n\n", "secret\n"],
  ["secret\r", "secret\r"],
  ["\n", ""],
  ["", ""],
])("of the file %j the secret is %j", (file, secret) => {
  expect(secretOf(Buffer.from(file)).toString()).toBe(secret);
});
