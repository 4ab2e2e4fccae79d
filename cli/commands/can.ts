// `podbus can WHO ACTION [OBJECT]`: what rules come to for somebody, and why. Reads the file, asks no broker; exits with 0 for yes and 1
// for no.

import { Argument, InvalidArgumentError, Option } from "commander";

import {
  type Action,
  ACTIONS,
  decide,
  type Decision,
  needsObject,
  readRules,
  type Subject,
} from "../../broker/index.ts";
import { newCommand } from "../command.ts";
import type { Run } from "../dispatch.ts";
import { onOneLine, toJson } from "../display.ts";
import { out } from "../output.ts";
import { environmentName } from "../serve/options.ts";
import { parseCount } from "../units.ts";
import { Exit, UsageError } from "../usage.ts";

interface CanOptions {
  rules?: string;
  json?: true;
}

export const run: Run = async (args) => {
  const command = newCommand("can", "Tells whether the rules let somebody do something, and by which rule.", [
    { line: "podbus can billing publish orders.eu.created", what: "the identity billing" },
    { line: "podbus can uid:1001 subscribe 'orders.>' --rules rules.yaml", what: "a user; all of these topics" },
    { line: "podbus can billing,uid:1001 queue billing", what: "who is both" },
    { line: "podbus can gid:2000 sys", what: "read $sys" },
  ])
    .addArgument(new Argument("<who>", "an identity, uid:N, gid:N, or several joined by commas").argParser(parseWho))
    .addArgument(new Argument("<action>", "what they would do").choices(ACTIONS))
    .argument("[object]", "the topic, pattern or queue; none for sys and admin")
    .addOption(new Option("--rules <file>", "the file of rules").env(environmentName("rules")))
    .option("--json", "print the answer as JSON");
  command.parse(args, { from: "user" });
  const [who, action, object] = command.processedArgs as [Subject, Action, string | undefined];
  const { rules: file, json } = command.opts<CanOptions>();
  if (file === undefined) throw new UsageError("the rules are missing: name their file with --rules, or PODBUS_RULES");
  if (needsObject(action) !== (object !== undefined)) {
    throw new UsageError(
      object === undefined
        ? `${action} needs a topic, pattern or queue behind it, such as orders.eu.created`
        : `${action} is about the broker as a whole; leave ${onOneLine(object, true)} out`,
    );
  }
  const decision = decide(await readRules(file), who, action, object);
  if (json) await out.line(toJson({ ...decision, action, object }));
  else for (const line of explain(decision, file, who, action, object)) await out.line(onOneLine(line, true));
  return decision.allowed ? Exit.DONE : Exit.FAILED;
};

function* explain(decision: Decision, file: string, who: Subject, action: Action, object = ""): Iterable<string> {
  const { allowed, line, by, considered } = decision;
  if (allowed) {
    yield `yes: ${file}:${line} permits it, by ${by === action ? by : `${action}: ${by}`}`;
    return;
  }
  yield `no: no rule lets ${describe(who)} ${action} ${object}`.trimEnd();
  if (considered.length === 0) yield `  no rule is for ${describe(who)}`;
  for (const { line, permits } of considered) {
    yield `  ${file}:${line} is for ${describe(who)}, and permits ${permits.length === 0 ? `no ${action}` : permits.join(", ")}`;
  }
}

function describe({ identity, uid, gid }: Subject): string {
  const parts = [
    identity === undefined ? [] : [`identity ${identity}`],
    uid === undefined ? [] : [`uid ${uid}`],
    gid === undefined ? [] : [`gid ${gid}`],
  ];
  return parts.flat().join(" with ");
}

function parseWho(text: string): Subject {
  const who: { identity?: string; uid?: number; gid?: number } = {};
  for (const part of text.split(",")) {
    const [, kind = "identity", name = part] = /^(identity|uid|gid):(.*)$/.exec(part) ?? [];
    if (kind === "identity") {
      if (name === "") throw new InvalidArgumentError("expected an identity, uid:N or gid:N");
      who.identity = name;
    } else {
      const id = parseCount(name);
      if (id === undefined) throw new InvalidArgumentError(`expected a number behind ${kind}:`);
      who[kind as "uid" | "gid"] = id;
    }
  }
  return { identity: who.identity, uid: who.uid, gid: who.gid };
}
