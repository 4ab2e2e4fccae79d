// Shared secrets over real sockets: who gets in, who does not, and impostors, who get nothing.

import { describe, expect, test } from "vitest";

import { createBroker, type ListeningBroker } from "../../broker/index.ts";
import { Proof } from "../../client/proof.ts";
import { type Bus, connect, type ConnectOptions } from "../../client/index.ts";
import { Buses, next } from "../support/bus.ts";
import { eventually } from "../support/embedded.ts";
import { Folder } from "../support/folder.ts";
import { Impostor } from "../support/impostor.ts";
import { ext1, frame, valueIn } from "../support/msgpack.ts";
import { uniqueAddress } from "../support/processes.ts";
import { Op, RawClient } from "../support/raw-client.ts";

const COMMON = "the secret of everybody";
const BILLING = "the secret of billing";
const PRIVATE = "a message that is not for everybody";

const rejected = (code: string): { code: string } => expect.objectContaining({ code }) as never;

interface SysClient {
  readonly name: string | null;
  readonly identity: string | null;
}

async function clientsOf(bus: Bus): Promise<SysClient[]> {
  return ((await bus.request("$sys.clients", {})) as { clients: SysClient[] }).clients;
}

describe("a broker with secrets", () => {
  test("lets in who proves the one of its name, or else the common one, and says who proved which", async () => {
    using folder = new Folder({ common: COMMON, billing: `${BILLING}\n` });
    await using buses = await Buses.start({ secretFile: folder.path });
    const billing = await buses.connect({ name: "billing", secret: BILLING });
    await buses.connect({ name: "billing", secretFile: folder.path });
    await buses.connect({ name: "orders", secretFile: folder.path });
    await buses.connect({ secretFile: folder.file("common") });
    expect((await clientsOf(billing)).map(({ name, identity }) => [name, identity])).toEqual([
      ["billing", "billing"],
      ["billing", "billing"],
      ["orders", null],
      [null, null],
    ]);
  });

  test.each<[string, ConnectOptions]>([
    ["no secret", {}],
    ["another one", { secret: "another secret of 16 bytes" }],
    ["the common one, under a name that has its own", { name: "billing", secret: COMMON }],
    ["the one of another name", { name: "orders", secret: BILLING }],
  ])("refuses %s at once, and counts it", async (_what, options) => {
    using folder = new Folder({ common: COMMON, billing: BILLING });
    await using buses = await Buses.start({ secretFile: folder.path });
    const refusal = connect({ address: buses.broker.address, ...options });
    await expect(refusal).rejects.toMatchObject({ code: "bad_auth" });
    await expect(refusal).rejects.toThrow(/PODBUS_SECRET_FILE/);
    expect(buses.broker.stats()).toMatchObject({ clients: 0, published: 0 });
  });

  test("over a file-system socket, too", async () => {
    using folder = new Folder({ secret: COMMON });
    await using buses = await Buses.start({ address: folder.file("bus.sock"), secretFile: folder.file("secret") });
    await buses.connect({ secret: COMMON });
    await expect(buses.connect({ secret: BILLING })).rejects.toThrow(rejected("bad_auth"));
  });

  test("does not start with a secret that is too short, and does not tell it", async () => {
    using folder = new Folder({ secret: "too short" });
    const refusal = createBroker({ address: "@", secretFile: folder.file("secret") }).listen();
    await expect(refusal).rejects.toThrow(/at least 16 bytes, and this 9/);
    await expect(refusal).rejects.not.toThrow(/too short/);
  });

  test("never greets with the same nonce again", async () => {
    using folder = new Folder({ secret: COMMON });
    await using buses = await Buses.start({ secretFile: folder.file("secret") });
    const nonces = new Set<string>();
    for (let i = 0; i < 50; i++) {
      await using client = await RawClient.connect(buses.broker.address, { hello: false });
      const [, , greeting] = await client.next();
      nonces.add((valueIn(greeting!) as { nonce: Buffer }).nonce.toString("hex"));
    }
    expect(nonces.size).toBe(50);
  });
});

describe("rotation", () => {
  test("a second secret counts beside the first; when the first is gone, so are those who proved it, and they come back", async () => {
    using folder = new Folder({ billing: BILLING });
    using own = new Folder({ secret: BILLING });
    await using buses = await Buses.start({ secretFile: folder.path });
    const worker = await buses.connect({ name: "billing", secretFile: own.file("secret") });
    const seen: unknown[] = [];
    worker.subscribe("t", ({ data }) => void seen.push(data));

    folder.write("billing.next", "the next secret of billing");
    await buses.broker.reload();
    const publisher = await buses.connect({ name: "billing", secret: "the next secret of billing" });
    own.write("secret", "the next secret of billing");
    expect(buses.broker.stats().clients).toBe(2);

    const gone = next(worker, "disconnect");
    const back = next(worker, "reconnect");
    folder.remove("billing");
    await buses.broker.reload();
    expect(await gone).toMatchObject({ error: { code: "bad_auth" } });
    await back;
    await publisher.waitFor("t");
    await publisher.publish("t", 1);
    await eventually(
      () => seen.length === 1,
      () => "nothing came",
    );
  });

  test("a secret that can't be read leaves all as it was", async () => {
    using folder = new Folder({ common: COMMON });
    await using buses = await Buses.start({ secretFile: folder.path });
    const bus = await buses.connect({ secret: COMMON });
    folder.write("common", "short");
    await expect(buses.broker.reload()).rejects.toThrow(rejected("bad_option"));
    await buses.connect({ secret: COMMON });
    expect((await clientsOf(bus)).length).toBe(2);
  });
});

describe("an impostor", () => {
  const NONCE = Buffer.alloc(16, 3);
  const greeting = (auth: string): Buffer =>
    frame(Op.HELLO, 1, ext1({ broker: "x", auth, nonce: NONCE, maxFrame: 65_536, heartbeatMs: 1000, client: 1 }));

  /** What a client with a secret comes to at the impostor's, and what it gave away. */
  async function visit(impostor: Impostor, options: ConnectOptions): Promise<{ error: unknown; gaveAway: boolean }> {
    const connecting = connect({ address: impostor.address, connectTimeoutMs: 2000, ...options });
    let error: unknown;
    try {
      await using bus = await connecting;
      await bus.publish("private", PRIVATE);
      await bus.flush();
    } catch (caught) {
      error = caught;
    }
    const said = impostor.came.toString("latin1");
    const given = [PRIVATE, COMMON].some((text) => said.includes(text));
    return { error, gaveAway: given };
  }

  test.each<[string, Buffer[]]>([
    ["asks for nothing", [greeting("none"), frame(Op.OK, 0)]],
    ["asks for a proof, and has none itself", [greeting("hmac-sha256"), frame(Op.OK, 0)]],
    ["makes one up", [greeting("hmac-sha256"), frame(Op.OK, 0, ext1({ proof: Buffer.alloc(32, 1) }))]],
  ])("that takes the name first and %s gets nothing", async (_what, said) => {
    using impostor = await Impostor.saying(uniqueAddress(), ...said);
    expect(await visit(impostor, { secret: COMMON })).toEqual({ error: rejected("bad_auth"), gaveAway: false });
    expect(impostor.connections).toBe(1);
  });

  test("gets all of it from a client without a secret: so the test could fail", async () => {
    using impostor = await Impostor.saying(uniqueAddress(), greeting("none"), frame(Op.OK, 0), frame(Op.OK, 1, 0));
    expect(await visit(impostor, {})).toMatchObject({ gaveAway: true });
  });

  test("who runs as another user than the broker should gets nothing either", async () => {
    using impostor = await Impostor.saying(uniqueAddress(), greeting("none"), frame(Op.OK, 0));
    const brokerUid = process.getuid!() + 1;
    expect(await visit(impostor, { brokerUid })).toEqual({ error: rejected("not_allowed"), gaveAway: false });
    expect(impostor.came).toHaveLength(0);
  });

  describe("on another name, that relays greeting and proofs to the real broker,", () => {
    async function real(options: { secretFile?: string }): Promise<ListeningBroker> {
      return createBroker({ address: uniqueAddress(), ...options }).listen();
    }

    test("gets nothing from the client, and nothing at the broker", async () => {
      using folder = new Folder({ secret: COMMON });
      await using broker = await real({ secretFile: folder.file("secret") });
      using impostor = await Impostor.relaying(uniqueAddress(), broker.address);
      expect(await visit(impostor, { secret: COMMON })).toEqual({ error: rejected("bad_auth"), gaveAway: false });
      // The real broker saw a proof for another address, and let nobody in.
      expect(broker.stats()).toMatchObject({ clients: 0, published: 0, refusedClients: 1 });
      await using honest = await connect({ address: broker.address, secret: COMMON });
      expect((await clientsOf(honest)).length).toBe(1);
    });

    test("gets all of it where no secret is asked: so the test could fail", async () => {
      await using broker = await real({});
      using impostor = await Impostor.relaying(uniqueAddress(), broker.address);
      expect(await visit(impostor, {})).toEqual({ error: undefined, gaveAway: true });
      expect(broker.stats().published).toBe(1);
    });

    test("gets nothing with a proof of an earlier connection", async () => {
      using folder = new Folder({ secret: COMMON });
      await using broker = await real({ secretFile: folder.file("secret") });
      // What an honest client says, recorded on its way to the broker by its right name.
      const recorded = await recordHello(broker.address);
      await using replayed = await RawClient.connect(broker.address, { hello: false });
      await replayed.next();
      replayed.write(recorded);
      expect((await replayed.next()).slice(0, 3)).toEqual([Op.ERR, null, "bad_auth"]);
      await replayed.closed();
    });
  });
});

/** The HELLO of a client that proves its secret to the broker at `address`, which takes its name over in between. */
async function recordHello(address: string): Promise<Buffer> {
  await using client = await RawClient.connect(address, { hello: false });
  const [, , greeting] = await client.next();
  const proof = new Proof({ secret: Buffer.from(COMMON), nonce: Buffer.alloc(16, 4), address });
  const hello = frame(Op.HELLO, 1, ext1(proof.hello(valueIn(greeting!) as never) as never));
  client.write(hello);
  expect((await client.next()).slice(0, 2)).toEqual([Op.OK, 0]);
  return hello;
}
