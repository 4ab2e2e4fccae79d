// What those may do for whom the same rules are. Answers by comparing patterns: once a subscription, or once a topic and role, never
// once a message (access.ts keeps the answers with the route).

import { covers, isSystemTopic } from "../../shared/topic.ts";
import type { Power, Rule, Verb } from "./rules.ts";

/** What permits something: a rule, and the pattern or power by which it does. */
export interface Grant {
  readonly rule: Rule;
  readonly by: string;
}

export class Role {
  /** Where the answers for it lie in {@link Route.verdicts}. */
  readonly index: number;
  /** The rules that are for it; undefined where there are none at all, and everything is permitted. */
  readonly rules: readonly Rule[] | undefined;

  constructor(index: number, rules: readonly Rule[] | undefined) {
    this.index = index;
    this.rules = rules;
  }

  /** What permits `verb` on `wanted`: a topic, a pattern all of whose topics are then permitted, or the name of a queue. */
  grant(verb: Verb, wanted: string): Grant | undefined {
    // The broker's own topics are read by those who may read $sys, and by no pattern.
    if (isSystemTopic(wanted)) return verb === "subscribe" ? this.power("sys") : undefined;
    for (const rule of this.rules ?? []) {
      const by = rule.permits[verb].find((pattern) => covers(pattern, wanted));
      if (by !== undefined) return { rule, by };
    }
    return undefined;
  }

  /** What gives it `power`. Who administers reads as well. */
  power(power: Power): Grant | undefined {
    for (const rule of this.rules ?? []) {
      const by = rule.powers.has(power) ? power : rule.powers.has("admin") ? "admin" : undefined;
      if (by !== undefined) return { rule, by };
    }
    return undefined;
  }

  may(verb: Verb, wanted: string): boolean {
    return this.rules === undefined || this.grant(verb, wanted) !== undefined;
  }

  has(power: Power): boolean {
    return this.rules === undefined || this.power(power) !== undefined;
  }
}
