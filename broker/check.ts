// Checks what a broker would be started with, without starting one: every option, secrets, and rules, all problems at once.

import { parseAddress } from "../shared/address.ts";
import { PodbusError } from "../shared/errors.ts";
import type { Secrets } from "./core/secrets.ts";
import { needCredentials } from "./credentials.ts";
import { type BrokerOptions, resolveOptions } from "./options.ts";
import { type Policy, readPolicy } from "./policy.ts";
import { RulesError } from "./rules/problem.ts";

export interface ConfigReport {
  /** Why a broker would not start, one line each: none where it would, as far as can be told without its address and data. */
  readonly problems: readonly string[];
  /** What is likely a mistake. */
  readonly warnings: readonly string[];
  /** How many rules there are; undefined: no file, so that everything is permitted. */
  readonly rules: number | undefined;
  /** Which secrets there are; undefined: none are asked for. */
  readonly secrets: { readonly common: boolean; readonly identities: readonly string[] } | undefined;
}

/** Checks `options` as {@link createBroker} and `listen()` would. */
export async function checkConfig(options: BrokerOptions): Promise<ConfigReport> {
  const problems: string[] = [];
  const attempt = async <T>(check: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof PodbusError)) throw error;
      problems.push(...(error instanceof RulesError ? error.lines : [error.message]));
      return undefined;
    }
  };
  const resolved = await attempt(() => resolveOptions(options));
  if (resolved !== undefined) {
    await attempt(() => parseAddress(resolved.address, { autobind: true }));
    await attempt(() => needCredentials(resolved.allow));
  }
  // One by one, so that a secret that is wrong does not hide what is wrong with the rules.
  const { secretFile, rules } = options;
  const files = { secretFile, rules };
  let policy: Policy | undefined;
  const secrets = await attempt(() => readPolicy({ ...files, rules: undefined }));
  if (secrets === undefined) await attempt(() => readPolicy({ ...files, secretFile: undefined }));
  else policy = await attempt(() => readPolicy(files));
  return {
    problems,
    warnings: policy?.warnings ?? [],
    rules: policy?.rules?.length,
    secrets: secrets?.secrets && describe(secrets.secrets),
  };
}

function describe({ hasCommon: common, identities }: Secrets): NonNullable<ConfigReport["secrets"]> {
  return { common, identities };
}
