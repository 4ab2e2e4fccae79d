import { describe, expect, test } from "vitest";

import { Ledger } from "../../../../cli/demo/ledger.ts";

const A = Uint8Array.of(1);
const B = Uint8Array.of(2);

describe("a file is verified", () => {
  test("whichever side comes first", () => {
    const ledger = new Ledger();
    ledger.expect(0, [A, B]);
    ledger.found(0, 1, B);
    expect(ledger.unsettled).toEqual([0]);
    ledger.found(0, 0, A);
    ledger.found(1, 0, A);
    ledger.expect(1, [A]);
    expect(ledger).toMatchObject({ verifiedFiles: 2, verifiedParts: 3, results: 3, disputed: [], unsettled: [] });
  });

  test("once, also where a part comes twice", () => {
    const ledger = new Ledger();
    ledger.expect(0, [A, B]);
    for (const part of [0, 0]) ledger.found(0, part, A);
    expect(ledger.unsettled).toEqual([0]);
    ledger.found(0, 1, B);
    ledger.found(0, 1, B);
    expect(ledger).toMatchObject({ verifiedFiles: 1, verifiedParts: 2 });
  });
});

describe("a file is disputed", () => {
  test("where a digest differs", () => {
    const ledger = new Ledger();
    ledger.expect(0, [A]);
    ledger.found(0, 0, B);
    expect(ledger).toMatchObject({ disputed: [0], verifiedFiles: 0 });
  });

  test("where there are more parts than there should be", () => {
    const ledger = new Ledger();
    ledger.found(0, 0, A);
    ledger.found(0, 1, B);
    ledger.expect(0, [A]);
    expect(ledger.disputed).toEqual([0]);
  });

  test("where the producer alone could not read it", () => {
    const ledger = new Ledger();
    ledger.skipped(0);
    ledger.expect(0, [A]);
    expect(ledger.disputed).toEqual([0]);
  });
});

test("a file that neither could read is unreadable, and no more", () => {
  const ledger = new Ledger();
  ledger.expect(0, null);
  ledger.skipped(0);
  expect(ledger).toMatchObject({ unreadable: 1, disputed: [], unsettled: [] });
});

test("a file of which a part is missing stays open", () => {
  const ledger = new Ledger();
  ledger.expect(0, [A, B]);
  ledger.found(0, 0, A);
  expect(ledger).toMatchObject({ unsettled: [0], verifiedFiles: 0 });
});
