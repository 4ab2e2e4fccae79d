// What the broker reads from files of who may do what: secrets and rules, at its start and when it is told to read them anew.

import type { Rule } from "./core/rules.ts";
import { Secrets } from "./core/secrets.ts";
import { readSecrets } from "../shared/os/secret-files.ts";
import type { RuleSet } from "./rules/read.ts";
import { printable } from "../shared/printable.ts";

export interface Policy {
  /** Undefined: there is no file, and nothing is asked. */
  readonly secrets: Secrets | undefined;
  readonly rules: readonly Rule[] | undefined;
  /** What is no error and likely a mistake, one line each. */
  readonly warnings: readonly string[];
}

/** Where to read it. */
export interface PolicyFiles {
  readonly secretFile: string | undefined;
  readonly rules: string | undefined;
}

/** Reads both, or neither. @throws PodbusError `bad_option` */
export async function readPolicy({ secretFile, rules: rulesFile }: PolicyFiles): Promise<Policy> {
  const secrets = secretFile === undefined ? undefined : new Secrets(readSecrets(secretFile));
  if (rulesFile === undefined) return { secrets, rules: undefined, warnings: [] };
  const { rules } = await readRules(rulesFile);
  return { secrets, rules, warnings: unproved(rulesFile, rules, secrets) };
}

/**
 * Reads a file of rules. What reads YAML is loaded by this, where there are rules only.
 * @throws RulesError, a PodbusError `bad_option`, that tells every problem by its line
 */
export async function readRules(file: string): Promise<RuleSet> {
  const reader = await import("./rules/read.ts");
  return reader.readRules(file);
}

/** Identities that rules name and nobody can prove. */
function unproved(file: string, rules: readonly Rule[], secrets: Secrets | undefined): string[] {
  const known = new Set(secrets?.identities);
  return rules.flatMap(({ who, line }) =>
    who
      .flatMap(({ identity }) => identity ?? [])
      .filter((identity) => !known.has(identity))
      .map((identity) => {
        const shown = printable(identity, 64);
        return `${printable(file, 200)}:${line}: nobody can be identity ${shown}: there is no secret for it (secretFile, a folder with a file ${shown})`;
      }),
  );
}
