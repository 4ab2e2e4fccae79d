// Makes a failing seed small: leaves out clients, faults and steps for as long as it still fails.

import type { Without } from "./plan.ts";
import type { Outcome } from "./run.ts";

type Run = (without: Without) => Promise<Outcome | undefined>;

/** How often it is tried. */
const MOST_TRIES = 120;

export async function shrink(first: Outcome, clients: readonly number[], run: Run): Promise<[Without, Outcome]> {
  let best: Without = {};
  let outcome = first;
  const kind = kindOf(first.violation ?? "");
  let tries = 0;
  const attempt = async (change: Without): Promise<boolean> => {
    if (tries++ >= MOST_TRIES) return false;
    const without = { ...best, ...change };
    const now = await run(without);
    if (now?.violation === undefined || kindOf(now.violation) !== kind) return false;
    best = without;
    outcome = now;
    return true;
  };
  for (const part of ["clock", "net", "disk"] as const) await attempt({ [part]: true });
  for (let chaos = 0; chaos < 4; chaos++) if (await attempt({ chaos })) break;
  let left = [...clients];
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const client of left) {
      const fewer = left.filter((other) => other !== client);
      if (fewer.length === 0 || !(await attempt({ clients: fewer }))) continue;
      left = fewer;
      isSmaller = true;
    }
  }
  let low = 0;
  let high = 64;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (await attempt({ steps: middle })) high = middle;
    else low = middle;
  }
  return [best, outcome];
}

/** What a violation says, but for whom and which message: a smaller run must fail in the same way. */
function kindOf(violation: string): string {
  return violation.split("\n")[0]!.replaceAll(/\d+/g, "");
}

/** The options that replay it. */
export function replayLine(seed: number, { clients, steps, chaos, clock, net, disk }: Without): string {
  const parts = [`npm run test:sim -- --seed ${seed}`];
  if (clients !== undefined) parts.push(`--clients ${clients.join(",")}`);
  if (steps !== undefined) parts.push(`--steps ${steps}`);
  if (chaos !== undefined) parts.push(`--chaos ${chaos}`);
  const calm = Object.entries({ clock, net, disk }).flatMap(([name, isOut]) => (isOut === true ? [name] : []));
  if (calm.length > 0) parts.push(`--without ${calm.join(",")}`);
  return parts.join(" ");
}
