import { expect, test } from "vitest";

import { NodeEnv } from "../../../client/node-env.ts";
import { resolveOptions } from "../../../client/options.ts";

test("a timer that is longer than Node's are does not run at once", async () => {
  const env = new NodeEnv(resolveOptions({ address: "@nobody" }, {}));
  let ran = false;
  const cancel = env.after(2 ** 40, () => void (ran = true));
  await new Promise<void>((resolve) => env.after(20, resolve));
  cancel();
  expect(ran).toBe(false);
});
