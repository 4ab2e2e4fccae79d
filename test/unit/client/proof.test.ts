// The client's half of the mutual proof, byte for byte, against brokers that are none.

import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";

import { Bus } from "../../../client/bus.ts";
import type { PodbusError } from "../../../client/index.ts";
import { coreOf, FakeEnv, GREETING, settle } from "../../support/fake-env.ts";
import { type Element, type Elements, ext1, valueIn } from "../../support/msgpack.ts";
import { Op } from "../../support/raw-client.ts";

const SECRET = Buffer.from("the secret of both");
const NONCE = Buffer.alloc(16, 9);
const ASKING = { ...GREETING, auth: "hmac-sha256", nonce: NONCE };

function sign(label: string, env: FakeEnv, secret = SECRET, address = "@podbus"): Buffer {
  const signed = Buffer.concat([Buffer.from(label), NONCE, env.nonce, Buffer.from(address)]);
  return createHmac("sha256", secret).update(signed).digest();
}

interface Attempt {
  readonly outcome: PodbusError | undefined;
  /** The options of its HELLO; undefined where it sent none. */
  readonly hello: Record<string, unknown> | undefined;
  readonly sentAfter: Element[][];
}

/** A client of `secret` that is greeted so, and answered so. */
async function opening(
  secret: Buffer | undefined,
  greeting: Record<string, Element>,
  answer: (env: FakeEnv) => Elements,
): Promise<Attempt> {
  const env = new FakeEnv();
  env.secret = secret;
  const core = coreOf(env, { connectTimeoutMs: 0, name: "w" });
  const connecting = core.connect(undefined).then(
    () => undefined,
    (error: PodbusError) => error,
  );
  const bus = new Bus(core);
  void bus.publish("t", "what nobody else may have");
  await settle();
  const { broker } = env;
  broker.say(Op.HELLO, 1, ext1(greeting));
  await settle();
  const [hello] = broker.frames();
  if (!broker.isDestroyed) broker.say(...answer(env));
  await settle();
  const outcome = await connecting;
  await settle();
  const sentAfter = broker.frames();
  await core.close();
  return { outcome, hello: hello && (valueIn(hello[2]!) as Record<string, unknown>), sentAfter };
}

const proved = (env: FakeEnv): Elements => [Op.OK, 0, ext1({ proof: sign("podbus1-broker", env) })];

test("proves that it has the secret, and takes a broker that proves it, too", async () => {
  const { outcome, hello, sentAfter } = await opening(SECRET, ASKING, proved);
  expect(outcome).toBeUndefined();
  const env = new FakeEnv();
  expect(hello).toEqual({ name: "w", nonce: env.nonce, proof: sign("podbus1-client", env) });
  expect(sentAfter.map(([op]) => op)).toContain(Op.PUB);
});

describe("refuses a broker that", () => {
  test.each<[what: string, greeting: Record<string, Element>, answer: (env: FakeEnv) => Elements]>([
    ["asks for nothing", GREETING, () => [Op.OK, 0]],
    ["asks for nothing, and has a proof all the same", { ...ASKING, auth: "none" }, proved],
    ["asks for another scheme", { ...ASKING, auth: "plain" }, () => [Op.OK, 0]],
    ["has no nonce", { ...GREETING, auth: "hmac-sha256" }, proved],
    ["has a nonce that is too short", { ...ASKING, nonce: NONCE.subarray(1) }, proved],
    ["proves nothing", ASKING, () => [Op.OK, 0]],
    ["proves nothing, in a map", ASKING, () => [Op.OK, 0, ext1({})]],
    ["sends the client's proof back", ASKING, (env) => [Op.OK, 0, ext1({ proof: sign("podbus1-client", env) })]],
    ["has another secret", ASKING, (env) => [Op.OK, 0, ext1({ proof: sign("podbus1-broker", env, Buffer.alloc(16)) })]],
    [
      "is another one's, of another address",
      ASKING,
      (env) => [Op.OK, 0, ext1({ proof: sign("podbus1-broker", env, SECRET, "@other") })],
    ],
  ])("%s", async (_what, greeting, answer) => {
    const { outcome, sentAfter } = await opening(SECRET, greeting, answer);
    expect(outcome).toMatchObject({ code: "bad_auth" });
    expect(outcome!.message).not.toContain(SECRET.toString());
    expect(sentAfter).toEqual([]);
  });
});

test("without a secret it says at once that one is asked for, and takes a proof that nobody asked for", async () => {
  const { outcome, hello } = await opening(undefined, ASKING, () => [Op.OK, 0]);
  expect(outcome).toMatchObject({ code: "bad_auth", message: expect.stringContaining("PODBUS_SECRET_FILE") });
  expect(hello).toBeUndefined();
  expect((await opening(undefined, GREETING, proved)).outcome).toBeUndefined();
});
