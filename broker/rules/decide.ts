// Whether rules let somebody do something, and by which of them: what `podbus can` explains. The broker's own answer, asked once.

import { isSystemTopic, patternTextProblem, topicTextProblem } from "../../shared/topic.ts";
import { PodbusError } from "../../shared/errors.ts";
import { Role } from "../core/role.ts";
import { isFor, POWERS, type Power, type Subject, type Verb, VERBS } from "../core/rules.ts";
import type { RuleSet } from "./read.ts";

export type Action = Verb | Power;

export const ACTIONS: readonly Action[] = [...VERBS, ...POWERS];

/** Actions on something: a topic, a pattern or a queue. The others are on the broker as a whole. */
export function needsObject(action: Action): action is Verb {
  return (VERBS as readonly string[]).includes(action);
}

export interface Decision {
  readonly allowed: boolean;
  /** The line of the rule that permits it, and what in it does. */
  readonly line: number | undefined;
  readonly by: string | undefined;
  /** Every rule that is for who asks, and what it permits of this action. */
  readonly considered: readonly { readonly line: number; readonly permits: readonly string[] }[];
}

/**
 * What the broker would answer.
 * @param object the topic, pattern or queue; nothing for `sys` and `admin`
 * @throws PodbusError `bad_topic` or `bad_pattern` where it can't be one
 */
export function decide({ rules }: RuleSet, subject: Subject, action: Action, object?: string): Decision {
  const own = rules.filter((rule) => isFor(rule, subject));
  const role = new Role(0, own);
  const grant = needsObject(action) ? role.grant(action, checked(action, object)) : role.power(action);
  return {
    allowed: grant !== undefined,
    line: grant?.rule.line,
    by: grant?.by,
    considered: own.map(({ line, permits, powers }) => {
      const isPower = !needsObject(action) || (action === "subscribe" && isSystemTopic(object ?? ""));
      return { line, permits: isPower ? [...powers] : permits[action] };
    }),
  };
}

/** As the broker would: one publishes to a topic, calls one, and is a member of one queue; patterns are for who receives. */
function checked(action: Verb, object: string | undefined): string {
  const isPattern = action === "subscribe" || action === "respond";
  const noun = isPattern ? "pattern" : action === "queue" ? "queue name" : "topic";
  const problem =
    object === undefined
      ? `expected a ${noun}`
      : isPattern
        ? patternTextProblem(object, noun)
        : topicTextProblem(object, noun);
  if (problem !== undefined) throw new PodbusError(isPattern ? "bad_pattern" : "bad_topic", problem);
  return object!;
}
