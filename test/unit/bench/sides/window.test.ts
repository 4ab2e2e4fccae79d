import { describe, expect, test } from "vitest";

import { Window } from "../../../../bench/sides/window.ts";

/** A client that keeps what it is given until it is told that a batch is sent. */
class Client {
  kept: Buffer[] = [];
  readonly batches: { readonly texts: string[]; readonly sent: () => void; readonly failed: (why: Error) => void }[] =
    [];
  readonly window: Window = new Window(2, () => {
    const batch = this.kept;
    this.kept = [];
    return new Promise<void>((resolve, reject) => {
      const texts = batch.map(String);
      const sent = (): void => {
        expect(batch.map(String)).toEqual(texts);
        resolve();
      };
      this.batches.push({ texts, sent, failed: reject });
    });
  });

  put(text: string): Promise<void> | undefined {
    const payload = Buffer.from(text);
    const full = this.window.put(payload, (copy) => this.kept.push(copy));
    payload.fill("-");
    return full;
  }

  get texts(): string[][] {
    return this.batches.map(({ texts }) => texts);
  }
}

describe("a window", () => {
  test("sends batches, of copies that stay as they are until then, and waits for the one before", async () => {
    const client = new Client();
    expect(client.put("a")).toBeUndefined();
    await client.put("b"); // nothing is under way before it
    expect(client.put("c")).toBeUndefined();
    const full = client.put("d")!;
    expect(client.texts).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    let isFree = false;
    const freed = full.then(() => (isFree = true));
    await new Promise(setImmediate);
    expect(isFree).toBe(false);
    client.batches[0]!.sent();
    await freed;
    expect(client.put("e")).toBeUndefined();
    void client.put("f");
    client.batches[1]!.sent();
    client.batches[2]!.sent();
    expect(client.texts[2]).toEqual(["e", "f"]);
  });

  test("flushes what is not a whole batch, and all before it", async () => {
    const client = new Client();
    void client.put("a");
    void client.put("b");
    void client.put("c");
    let isFlushed = false;
    const flushed = client.window.flush().then(() => (isFlushed = true));
    client.batches[0]!.sent();
    await new Promise(setImmediate);
    expect(client.texts).toEqual([["a", "b"], ["c"]]);
    expect(isFlushed).toBe(false);
    client.batches[1]!.sent();
    await flushed;
  });

  test("takes messages of any length, and uses what it has for those of the same", () => {
    const copies: Buffer[] = [];
    const window = new Window(1, () => Promise.resolve());
    for (const text of ["one", "two", "six", "three"])
      void window.put(Buffer.from(text), (copy) => void copies.push(copy));
    expect(copies[2]).toBe(copies[0]);
    expect(String(copies[3])).toBe("three");
    expect(String(copies[1])).toBe("two");
  });

  test("tells who waits next that a batch failed", async () => {
    const client = new Client();
    void client.put("a");
    await client.put("b");
    client.batches[0]!.failed(new Error("refused"));
    void client.put("c");
    await expect(client.put("d")).rejects.toThrow("refused");
  });
});
