// The rules in force, and what they come to for each topic. A client has a role: all for whom the same rules are have the same one. A
// route keeps, for each role, whether it may publish there or call it; so a message costs one look into an array, with rules or
// without, and the rules are asked once a route and role until they change.

import { quote } from "../../shared/quote.ts";
import { Role } from "./role.ts";
import { describeSubject, isFor, type Power, type Rule, type Subject, type Verb } from "./rules.ts";
import type { Route } from "./routes.ts";

/** What a route keeps for a role; two bits for each of the two verbs that are asked of routes. */
export const Verdict = { PUBLISH: 1, REQUEST: 2, ASKED_PUBLISH: 4, ASKED_REQUEST: 8 } as const;

/** Where there are no rules. */
const EVERYBODY = new Role(0, undefined);
const EVERYTHING: Uint8Array = Uint8Array.of(Verdict.PUBLISH | Verdict.REQUEST);

/** The role of those who have not said hello. */
export const NOBODY: Role = new Role(0, []);

/** The verbs by which one has something to do with a topic, and may ask whether somebody listens there. */
const ABOUT_TOPICS: readonly Verb[] = ["publish", "request", "subscribe", "respond"];

export class Access {
  #rules: readonly Rule[] | undefined;
  #roles = new Map<string, Role>();
  /** Counts up with each change of the rules: what routes keep is of one version. */
  version = 0;
  /** How often the rules were asked whether somebody may publish to a topic or call it. */
  asked = 0;
  /** Frames that were refused because no rule permits them. */
  denied = 0;

  constructor(rules: readonly Rule[] | undefined) {
    this.#rules = rules;
  }

  /** These are in force from now on. Roles that were given before mean nothing any more. */
  replace(rules: readonly Rule[]): void {
    this.#rules = rules;
    this.#roles.clear();
    this.version++;
  }

  roleOf(subject: Subject): Role {
    if (this.#rules === undefined) return EVERYBODY;
    const numbers = [...this.#rules.keys()].filter((number) => isFor(this.#rules![number]!, subject));
    const key = numbers.join();
    let role = this.#roles.get(key);
    if (role === undefined)
      this.#roles.set(
        key,
        (role = new Role(
          this.#roles.size,
          numbers.map((number) => this.#rules![number]!),
        )),
      );
    return role;
  }

  /** For a route of which nothing has been asked yet. */
  newVerdicts(): Uint8Array {
    return this.#rules === undefined ? EVERYTHING : new Uint8Array(this.#roles.size);
  }

  /** Whether `role` may publish to the topic of `route`: for those whose verdict does not say yes. */
  mayPublish(route: Route, role: Role): boolean {
    return this.#may(route, role, "publish", Verdict.PUBLISH, Verdict.ASKED_PUBLISH);
  }

  mayRequest(route: Route, role: Role): boolean {
    return this.#may(route, role, "request", Verdict.REQUEST, Verdict.ASKED_REQUEST);
  }

  /** Whether `role` has anything to do with `topic`. */
  mayAskAbout(topic: string, role: Role): boolean {
    return role.has("sys") || ABOUT_TOPICS.some((verb) => role.may(verb, topic));
  }

  /** Counts a refusal, and says in a line what to do. */
  denial(subject: Subject, verb: Verb | Power | "wait", wanted: string): string {
    this.denied++;
    return `no rule lets ${describeSubject(subject)} ${PHRASES[verb]} ${quote(wanted)}; podbus can shows why, and who keeps the rules can add it (option rules)`;
  }

  #may(route: Route, role: Role, verb: Verb, yes: number, asked: number): boolean {
    const { index } = role;
    if (index >= route.verdicts.length) {
      const verdicts = new Uint8Array(this.#roles.size);
      verdicts.set(route.verdicts);
      route.verdicts = verdicts;
    }
    const known = route.verdicts[index]!;
    if ((known & asked) !== 0) return (known & yes) !== 0;
    this.asked++;
    const may = role.may(verb, route.topic);
    route.verdicts[index] = known | asked | (may ? yes : 0);
    return may;
  }
}

const PHRASES: Readonly<Record<Verb | Power | "wait", string>> = {
  publish: "publish to",
  subscribe: "subscribe to",
  request: "call",
  respond: "respond to",
  queue: "use queue",
  sys: "read",
  admin: "call",
  wait: "use, and so wait for,",
};
