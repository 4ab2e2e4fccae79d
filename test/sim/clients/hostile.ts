// A client that means harm, or knows no better: garbage, frames that are none, half of one, no HELLO or a wrong one, options that
// can't be, a topic after the other. What it sends in front of that counts, what it sends behind it must not.

import type { Hostility } from "../plan.ts";
import { encode, Op, type Options, type Read } from "../wire.ts";
import type { RawClient, Role } from "./raw.ts";

const ANY: readonly string[] = ["bad_frame", "too_large"];

export class Hostile implements Role {
  readonly #client: RawClient;
  readonly #how: Hostility;
  #sent = 0;
  /** Whether it is itself the one that would have to empty what it fills. */
  #isOwn = false;
  readonly isDone = true;

  constructor(client: RawClient, how: Hostility) {
    this.#client = client;
    this.#how = how;
  }

  connected(): void {
    this.#sent = 0;
    this.#isOwn = false;
    if (this.#how === "bad-hello") this.#badHello();
    else if (this.#how === "no-hello") this.#client.world.faults.hit("no-hello");
    else if (this.#how === "topics" && this.#client.random.percent(50)) this.#holdItsOwn();
  }

  came(_frame: Read): void {}

  step(): boolean {
    if (this.#sent++ > 0 && this.#how !== "bad-options" && this.#how !== "topics") return false;
    switch (this.#how) {
      case "garbage":
        this.#garbage();
        break;
      case "bad-frame":
        this.#badFrame();
        break;
      case "half-frame":
        this.#client.world.faults.hit("half-frame");
        this.#bad(ANY, encode(Op.PUB, "a.x", "half of it").subarray(0, -3), true);
        break;
      case "bad-options":
        this.#badOptions();
        break;
      case "topics":
        this.#topics();
        break;
      default:
    }
    return true;
  }

  /** From here on nothing may be acted upon; a publish behind it would show. */
  #bad(codes: readonly string[], bytes: Buffer, isAll = false): void {
    const { connection, world } = this.#client;
    if (connection === undefined) return;
    connection.badCodes = codes;
    connection.badFrom = connection.toBroker.takenBytes + connection.toBroker.untakenBytes;
    const more = isAll ? [] : [encode(Op.PUB, "a.x", world.nextUid()), encode(Op.SYNC, 0xffff)];
    this.#client.write(Buffer.concat([bytes, ...more]));
    this.#client.isMuted = true;
  }

  #garbage(): void {
    const { random, world } = this.#client;
    world.faults.hit("garbage");
    const bytes = Buffer.alloc(random.between(1, 3000));
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.next();
    bytes[0] = random.pick([0x80, 0x00, 0xc0, 0xc1, 0xff, 0x90, 0xdf]);
    this.#bad(["bad_frame"], bytes);
  }

  #badFrame(): void {
    const { random, world } = this.#client;
    world.faults.hit("bad-frame");
    const [codes, bytes] = random.pick<() => readonly [readonly string[], Buffer]>([
      () => [["bad_frame"], encode(random.pick([5, 6, 10, 14, 19, 100]), 1)],
      () => [["bad_frame"], encode(Op.PUB)],
      () => [["bad_frame"], encode(Op.PUB, "a.x")],
      () => [["bad_frame"], encode(Op.PUB, 7, 7)],
      () => [["bad_frame"], encode(Op.PUB, "a.x", 1, "no map")],
      () => [["bad_frame"], encode(Op.SUB, 0, "a")],
      () => [["bad_frame"], encode(Op.SUB, "one", "a")],
      () => [["bad_frame"], encode(Op.SYNC, -1)],
      () => [["bad_frame"], encode(Op.SYNC, 0x1_0000_0000)],
      () => [["bad_frame"], encode(Op.ACK, 1, 2, 3, 4)],
      () => [["bad_frame"], encode(Op.HELLO, 1)],
      () => [["bad_frame"], Buffer.of(0x92, 0x01, 0x91, 0x01)],
      () => [["bad_frame"], Buffer.of(0x92, 0x01, 0x81, 0x01, 0x02)],
      () => [["bad_frame"], Buffer.concat([Buffer.of(0xdc, 0, 65), Buffer.alloc(65, 1)])],
      () => [
        ["too_large"],
        Buffer.concat([Buffer.of(0x93, 1, 0xa1, 0x61, 0xc6, 0x7f, 0xff, 0xff, 0xff), Buffer.alloc(100)]),
      ],
      () => {
        const sid = this.#client.number();
        return [["bad_frame"], Buffer.concat([encode(Op.SUB, sid, "zz"), encode(Op.SUB, sid, "zz")])];
      },
    ])();
    if (codes[0] === "bad_frame" && bytes[1] === Op.SUB && bytes.length >= 12) {
      // Its first half is a frame as good as any.
      const half = bytes.length / 2;
      this.#client.write(bytes.subarray(0, half));
      return this.#bad(codes, bytes.subarray(half));
    }
    this.#bad(codes, bytes);
  }

  #badHello(): void {
    const { random, world } = this.#client;
    world.faults.hit("bad-hello");
    const [codes, bytes] = random.pick<readonly [readonly string[], Buffer]>([
      [["bad_hello"], encode(Op.HELLO, 2)],
      [["bad_hello"], encode(Op.HELLO)],
      [["bad_hello"], encode(Op.HELLO, 1, "no map")],
      [["bad_hello"], encode(Op.HELLO, 1, { name: "" })],
      [["bad_hello"], encode(Op.HELLO, 1, { name: "x".repeat(65) })],
      [["bad_hello"], encode(Op.HELLO, 1, { name: "a\nb" })],
      [["bad_hello"], encode(Op.PUB, "a.x", 1)],
      [["bad_hello"], Buffer.of(0xc0)],
      [["too_large"], encode(Op.HELLO, 1, { name: "x", more: "x".repeat(5000) })],
    ]);
    this.#bad(codes, bytes);
  }

  #badOptions(): void {
    const { random } = this.#client;
    const options = random.pick<Options>([
      { ack: true },
      { prefetch: 3 },
      { queue: "$q" },
      { queue: "x", retained: true },
      { queue: "x", overflow: "disconnect" },
      { overflow: "sometimes" },
      { maxMessages: 0 },
      { queue: "x", durable: true, keep: false },
      { respond: true, overflow: "block" },
      { queue: "x", deadLetter: "n" },
    ]);
    this.#client.send(Op.SUB, this.#client.number(), random.pick(["n", "n", "n", "a..", "*.>.a"]), options);
    this.#client.sync();
  }

  /** It subscribes to what it floods, and takes none of it. */
  #holdItsOwn(): void {
    this.#isOwn = true;
    const sid = this.#client.number();
    this.#client.send(Op.SUB, sid, "a.>", { maxMessages: 3 });
    this.#client.send(Op.XOFF, sid);
  }

  /** A topic after the other, so that nothing may grow with them. */
  #topics(): void {
    const { random, world } = this.#client;
    world.faults.hit("topic-flood");
    const frames: Buffer[] = [];
    const most = random.percent(this.#isOwn ? 40 : 10) ? 1100 : 60;
    for (let i = 0; i < most; i++) frames.push(encode(Op.PUB, `a.t${i}`, world.nextUid()));
    this.#client.write(Buffer.concat(frames));
  }

  disconnected(): void {}

  finish(): void {}
}
