import { expect, test } from "vitest";

import { Secrets } from "../../../../broker/core/secrets.ts";
import { prove } from "../../../../shared/proof.ts";

const challenge = { brokerNonce: Buffer.alloc(16, 1), clientNonce: Buffer.alloc(16, 2), address: "@podbus" };
const of = (text: string, identity?: string): { identity: string | undefined; secret: Buffer } => ({
  identity,
  secret: Buffer.from(text.padEnd(16, ".")),
});
const common = of("common");
const billing = of("billing", "billing");
const next = of("billing's next", "billing");
const proofOf = ({ secret }: { secret: Buffer }): Buffer => prove("client", secret, challenge);

test("a name has its own secrets, everybody else the common one", () => {
  const secrets = new Secrets([common, billing, next]);
  expect(secrets.identities).toEqual(["billing"]);
  expect(secrets.proved("billing", challenge, proofOf(billing))).toBe(billing);
  expect(secrets.proved("billing", challenge, proofOf(next))).toBe(next);
  expect(secrets.proved("billing", challenge, proofOf(common))).toBeUndefined();
  expect(secrets.proved("orders", challenge, proofOf(common))).toBe(common);
  expect(secrets.proved(undefined, challenge, proofOf(common))).toBe(common);
  expect(secrets.proved("orders", challenge, proofOf(billing))).toBeUndefined();
});

test("without a common one, nothing that can be sent proves a name that has none", () => {
  const secrets = new Secrets([billing]);
  for (const guess of [proofOf(billing), proofOf({ secret: Buffer.alloc(16) }), undefined]) {
    expect(secrets.proved("orders", challenge, guess)).toBeUndefined();
    expect(secrets.proved(undefined, challenge, guess)).toBeUndefined();
  }
  expect(secrets.hasCommon).toBe(false);
});

test("what was proved counts as long as it is there, for the same identity", () => {
  expect(new Secrets([of("billing", "billing")]).hasStill(billing)).toBe(true);
  expect(new Secrets([next]).hasStill(billing)).toBe(false);
  expect(new Secrets([of("billing", "orders")]).hasStill(billing)).toBe(false);
  expect(new Secrets([of("billing")]).hasStill(billing)).toBe(false);
});
