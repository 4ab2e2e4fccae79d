import { expect, test } from "vitest";

import { type BrokerOptions, resolveOptions } from "../../../broker/options.ts";

test("a name that is no option is refused, not left out", () => {
  const misspelt = { maxFrames: 4096 } as BrokerOptions;
  expect(() => resolveOptions(misspelt)).toThrow(
    expect.objectContaining({
      code: "bad_option",
      message: expect.stringMatching(/^createBroker\(\) has no option "maxFrames"; it has address, /),
    }),
  );
});

test.each([
  ["wait", "yes", "wait must be true or false, not yes"],
  ["data", 5, "data must be text, not number"],
  ["allow", ["uid:1001"], "allow must be text, not object"],
  ["secretFile", 5, "secretFile must be text, not number"],
  ["rules", {}, "rules must be text, not object"],
])("a value of another type is refused: %s", (name, value, message) => {
  expect(() => resolveOptions({ [name]: value })).toThrow(message);
});
