import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { RulesError } from "../../../../broker/rules/problem.ts";
import { parseRules, readRules } from "../../../../broker/rules/read.ts";
import { Folder } from "../../../support/folder.ts";

const GOOD = `# who may do what
rules:
  - who: { identity: billing }
    subscribe: orders.>
    queue: [billing, billing.*]
    publish:
      - invoices.*.created
  - who:
      - { uid: 1001, gid: [2000, 2001] }
      - identity: [orders, "größe"]
    request: "*"
    respond: [math.>]
    sys: true
  - who: any
    admin: true
`;

const validate = new Ajv2020({ strict: true, allErrors: true }).compile(
  JSON.parse(readFileSync(join(import.meta.dirname, "../../../../broker/rules/schema.json"), "utf8")) as object,
);

function problems(text: string): readonly string[] {
  try {
    parseRules(text, "rules.yaml");
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(RulesError);
    return (error as RulesError).lines;
  }
}

test("rules are read with the line that each begins on", () => {
  expect(parseRules(GOOD, "rules.yaml")).toEqual({
    file: "rules.yaml",
    rules: [
      {
        who: [{ identity: ["billing"] }],
        permits: {
          publish: ["invoices.*.created"],
          subscribe: ["orders.>"],
          request: [],
          respond: [],
          queue: ["billing", "billing.*"],
        },
        powers: new Set(),
        line: 3,
      },
      {
        who: [{ uid: [1001], gid: [2000, 2001] }, { identity: ["orders", "größe"] }],
        permits: { publish: [], subscribe: [], request: ["*"], respond: ["math.>"], queue: [] },
        powers: new Set(["sys"]),
        line: 8,
      },
      {
        who: [{}],
        permits: { publish: [], subscribe: [], request: [], respond: [], queue: [] },
        powers: new Set(["admin"]),
        line: 14,
      },
    ],
  });
  expect(validate(parse(GOOD))).toBe(true);
});

test("JSON is read likewise, and anchors are", () => {
  const { rules } = parseRules(JSON.stringify(parse(GOOD)), "rules.json");
  expect(rules.map(({ permits }) => permits)).toEqual(parseRules(GOOD, "").rules.map(({ permits }) => permits));
  const shared = parseRules("rules:\n- {who: any, publish: &a [x, y]}\n- {who: any, subscribe: *a}\n", "");
  expect(shared.rules[1]!.permits.subscribe).toEqual(["x", "y"]);
});

test("no rule at all permits nothing, and is no mistake", () => {
  expect(parseRules("rules: []", "").rules).toEqual([]);
});

describe("what is wrong is told by line and key", () => {
  test.each<[text: string, told: string, isOfForm?: boolean]>([
    ["", "rules.yaml:1: expected a map with the key rules, not nothing"],
    ["- who: any", "rules.yaml:1: expected a map with the key rules, not a list"],
    ["{}", "rules.yaml:1: expected the key rules, a list"],
    ["rules: none", 'rules.yaml:1: rules: expected a list of rules, not "none"'],
    ["rules:\n  - who: any\n    publsh: a", "rules.yaml:3: rules[0].publsh: unknown key; known are who, publish, "],
    ["rules:\n\n  - publish: a", "rules.yaml:3: rules[0]: expected the key who: any, or a map with some of"],
    ["rules:\n  -\n", "rules.yaml:2: rules[0]: expected a map with the key who"],
    [
      "rules:\n  - who: all",
      'rules.yaml:2: rules[0].who: expected any, or a map with some of identity, uid, gid, not "all"',
    ],
    [
      "rules:\n  - who: {}",
      "rules.yaml:2: rules[0].who: expected some of identity, uid, gid; everybody is written any",
    ],
    [
      "rules:\n  - who: [any]",
      "rules.yaml:2: rules[0].who[0]: expected any without a list: it is everybody; or here a map",
    ],
    ["rules: [*a]", "rules.yaml:1: rules[0]: expected a map with the key who", true],
    [
      "rules:\n  - who: *a",
      'rules.yaml:2: rules[0].who: expected any, or a map with some of identity, uid, gid, not "*a", for which',
      true,
    ],
    ["rules:\n  - who: []", "rules.yaml:2: rules[0].who: expected somebody"],
    ["rules:\n  - who: {name: a}", "rules.yaml:2: rules[0].who.name: unknown key; known are identity, uid, gid"],
    [
      "rules:\n  - who: {uid: '1001'}",
      'rules.yaml:2: rules[0].who.uid: expected a uid, a number from 0 to 4294967294, not "1001"',
    ],
    ["rules:\n  - who: {uid: [1, -1]}", "rules.yaml:2: rules[0].who.uid[1]: expected a uid"],
    ["rules:\n  - who: {gid: []}", "rules.yaml:2: rules[0].who.gid: expected a gid, or a list of some, not none"],
    ["rules:\n  - who: {gid: 65534}", "rules.yaml:2: rules[0].who.gid: gid 65534 stands for all that have no number"],
    ["rules:\n  - who: {identity: 7}", "rules.yaml:2: rules[0].who.identity: expected a name of 1 to 64 bytes, not 7"],
    [
      "rules:\n  - who: any\n    publish:\n    - a\n    - b..c",
      "rules.yaml:5: rules[0].publish[1]: a pattern must be tokens",
    ],
    [
      "rules:\n  - who: any\n    publish: $sys.>",
      `rules.yaml:3: rules[0].publish: "$sys.>" is the broker's own: sys: true`,
    ],
    ["rules:\n  - who: any\n    queue: {a: b}", "rules.yaml:3: rules[0].queue: expected a queue name, text, not a map"],
    ["rules:\n  - who: any\n    sys: yes", 'rules.yaml:3: rules[0].sys: expected true or false, not "yes"'],
    ["rules:\n  - who: any\n    admin:", "rules.yaml:3: rules[0].admin: expected true or false, not nothing"],
    ["rules:\n- who: any\n  publish: >\n  sys: true", "rules.yaml:3: rules[0].publish: a pattern is written in quotes"],
    ["rules: []\nrules: []", "rules.yaml:2: rules: not YAML: this key is there already", true],
    [
      "rules:\n- who: any\n  publish: a\n  publish: b",
      "rules.yaml:4: rules[0].publish: not YAML: this key is there",
      true,
    ],
    ["rules:\n  - who: any\n  publish: a", "rules.yaml:3: rules[0].who: not YAML: keys of one map begin in one", true],
    [
      "rules:\n  - who: any\n   publish: a",
      "rules.yaml:3: rules[0].who: not YAML: this is neither a rule, which",
      true,
    ],
    ["rules:\n\t- who: any", "rules.yaml:2: rules: not YAML: indent with spaces", true],
    ["rules:\n- who: {uid: 1\n  publish: a", "rules.yaml:2: rules[0].who: not YAML: what { begins has no }", true],
    ["rules:\n- who: any\n  publish: [a,\n", "rules.yaml:3: rules[0].publish: not YAML: what [ begins has no ]", true],
    ['rules:\n- who: any\n  publish: "a\n\n', "rules.yaml:3: rules[0].publish: not YAML: the text that a quote", true],
    ["rules:\n- who: any\n  publish: a: b", "rules.yaml:3: rules[0].publish", true],
    [
      "rules:\n- who: any\n  publish: *",
      "rules.yaml:3: rules[0].publish: not YAML: a pattern that begins with *",
      true,
    ],
    ["rules:\n- who: any\n  publish: @a", "rules.yaml:3: rules[0].publish: not YAML: Plain value", true],
    ["rules: []\n---\nrules: []", "rules.yaml:2: rules: not YAML: a file of rules is one document", true],
    ["rules: []\nmore: !!binary x", "rules.yaml:2: more: ", true],
  ])("%j", (text, told, isOfForm = false) => {
    const [first] = problems(text);
    expect(first).toContain(told);
    // What is wrong in its form, and not as YAML, the schema finds, too.
    if (!isOfForm) expect(validate(parse(text))).toBe(false);
  });

  test("all of it at once", () => {
    const text = "rules:\n  - who: nobody\n    publish: [a.>.b, '']\n  - {}\n  - who: any\n    sys: 1\n";
    expect(problems(text).map((line) => line.split(": ").slice(0, 2).join(" "))).toEqual([
      "rules.yaml:2 rules[0].who",
      "rules.yaml:3 rules[0].publish[0]",
      "rules.yaml:3 rules[0].publish[1]",
      "rules.yaml:4 rules[1]",
      "rules.yaml:6 rules[2].sys",
    ]);
    expect(() => parseRules(text, "rules.yaml")).toThrow(/^the rules are wrong: rules.yaml:2: .*; and 4 more/);
  });

  test("a file that is not there, no file, too large, or not UTF-8", () => {
    const told = (file: string): string => {
      try {
        readRules(file);
      } catch (error) {
        expect(error).toMatchObject({ code: "bad_option" });
        return (error as RulesError).lines.join("\n").replace(file, "rules.yaml");
      }
      throw new Error("it was not refused");
    };
    using folder = new Folder({ large: " ".repeat(1024 * 1024 + 1), most: "rules: []".padEnd(1024 * 1024) });
    const fifo = folder.file("fifo");
    execFileSync("mkfifo", [fifo]);
    const latin1 = Buffer.from("rules:\n  - who: any\n    publish: gr\u00f6\u00dfe\n  - who: any\n", "latin1");
    writeFileSync(folder.file("latin1"), latin1);
    expect(told("/nowhere/rules.yaml")).toBe("rules.yaml:1: the file can't be read (ENOENT)");
    expect(told(fifo)).toBe("rules.yaml:1: it is a pipe, not a regular file; name a file of rules");
    expect(told(folder.path)).toBe("rules.yaml:1: it is a folder, not a regular file; name a file of rules");
    expect(told("/dev/zero")).toBe("rules.yaml:1: it is a device, not a regular file; name a file of rules");
    expect(told(folder.file("large"))).toBe("rules.yaml:1: a file of rules has at most 1048576 bytes");
    expect(told(folder.file("latin1"))).toBe("rules.yaml:3: this line is not UTF-8; save the file as UTF-8");
    writeFileSync(folder.file("latin1"), latin1.subarray(0, latin1.indexOf(0xdf) + 1));
    expect(told(folder.file("latin1"))).toContain("rules.yaml:3: this line is not UTF-8");
    expect(readRules(folder.file("most")).rules).toEqual([]);
  });

  test("a file as Kubernetes mounts it, behind links, is read", () => {
    using folder = new Folder();
    mkdirSync(folder.file("..2026_01_01"));
    writeFileSync(folder.file("..2026_01_01/rules.yaml"), "\uFEFFrules: [{who: any, publish: größe}]");
    symlinkSync("..2026_01_01", folder.file("..data"));
    symlinkSync("..data/rules.yaml", folder.file("rules.yaml"));
    expect(readRules(folder.file("rules.yaml")).rules[0]!.permits.publish).toEqual(["größe"]);
  });

  test("keys that would mean something to JavaScript are unknown like others", () => {
    expect(problems('{"rules": [], "__proto__": {"rules": []}, "constructor": 1}')).toHaveLength(2);
  });

  test("aliases within aliases do not grow", () => {
    const bomb = ["a: &a [x, x, x, x]"];
    for (let i = 1; i < 40; i++) bomb.push(`a${i}: &a${i} [*a${i - 1 || ""}, *a${i - 1 || ""}]`);
    expect(problems(`${bomb.join("\n")}\nrules: *a39\n`).length).toBeGreaterThan(0);
  });
});
