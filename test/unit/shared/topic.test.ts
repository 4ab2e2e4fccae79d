import { isUtf8 } from "node:buffer";
import { describe, expect, test } from "vitest";
import * as fc from "fast-check";
import { PodbusError } from "../../../shared/errors.ts";
import {
  checkPattern,
  checkTopic,
  covers,
  isSystemTopic,
  isSystemTopicAt,
  matches,
  patternProblem,
  patternTextProblem,
  tokensOf,
  topicProblem,
  topicTextProblem,
} from "../../../shared/topic.ts";

type Problem = (buf: Uint8Array, start: number, end: number, noun?: string) => string | undefined;

/** Asks about bytes that lie inside a larger buffer, whose other bytes would change the answer if they were looked at. */
function ask(problem: Problem, bytes: Uint8Array): string | undefined {
  const answers = [0x2e, 0x2a, 0x80, 0x20].map((around) =>
    problem(Buffer.from([around, ...bytes, around]), 1, 1 + bytes.length),
  );
  expect(new Set(answers).size).toBe(1);
  return answers[0];
}

/** The grammar once more, as a person would check it: decode, split, look at each token. */
function isValid(bytes: Uint8Array, isPattern: boolean): boolean {
  if (bytes.length < 1 || bytes.length > 255 || !isUtf8(bytes)) return false;
  const tokens = Buffer.from(bytes).toString().split(".");
  return tokens.every((token, i) => {
    if (isPattern && (token === "*" || (token === ">" && i === tokens.length - 1))) return true;
    // oxlint-disable-next-line no-control-regex
    return /^[^\u0000-\u0020\u007f*>]+$/.test(token);
  });
}

const valid = [
  "a",
  "orders.eu.created",
  "a.b",
  "$sys.ping",
  "größe.日本.😀",
  "-_/:#+?",
  "a!.~{|}",
  "x".repeat(255),
  `${"a.".repeat(127)}a`,
];
const patterns = ["*", ">", "*.*", "orders.*.created", "orders.>", "*.>", "a.*.>", "$sys.>", "$sys.*"];

const wrong: [bytes: string | number[], of: "topic" | "pattern" | "both", says: string][] = [
  ["", "both", "must be 1 to 255 bytes of UTF-8, but this is empty"],
  ["x".repeat(256), "both", `must be 1 to 255 bytes of UTF-8, but "${"x".repeat(48)}"… is 256`],
  [".", "both", 'must be tokens joined by ".", none of them empty, but "." has an empty one at byte 0'],
  [".a", "both", '".a" has an empty one at byte 0'],
  ["a.", "both", '"a." has an empty one at byte 1'],
  ["a..b", "both", '"a..b" has an empty one at byte 2'],
  ["a b", "both", 'must hold no space or control character, but "a b" has 0x20 at byte 1'],
  ["a\0", "both", '"a\\x00" has 0x00 at byte 1'],
  ["a\nb", "both", '"a\\x0ab" has 0x0a at byte 1'],
  ["é\u007f", "both", '"é\\x7f" has 0x7f at byte 2'],
  [[0x61, 0xff], "both", 'must be well-formed UTF-8, but "a\ufffd" is not, from 0xff at byte 1 on'],
  [[0x80], "both", "from 0x80 at byte 0 on"],
  [[0xc0, 0xaf], "both", "from 0xc0 at byte 0 on"],
  [[0xe0, 0x9f, 0xbf], "both", "from 0xe0 at byte 0 on"],
  [[0xed, 0xa0, 0x80], "both", "from 0xed at byte 0 on"],
  [[0xf0, 0x8f, 0xbf, 0xbf], "both", "from 0xf0 at byte 0 on"],
  [[0xf4, 0x90, 0x80, 0x80], "both", "from 0xf4 at byte 0 on"],
  [[0x2e, 0x61], "both", "an empty one at byte 0"],
  [[0x61, 0xe2, 0x82], "both", "from 0xe2 at byte 1 on"],
  ["a.*", "topic", 'must hold no "*" or ">", which belong to patterns, but "a.*" has "*" at byte 2'],
  ["a.>", "topic", '"a.>" has ">" at byte 2'],
  ["a*", "topic", '"a*" has "*" at byte 1'],
  ["a*", "pattern", '"*" must be a whole token, but "a*" has "*" at byte 1 beside other characters'],
  ["a.*b.c", "pattern", '"a.*b.c" has "*" at byte 2'],
  ["**", "pattern", '"**" has "*" at byte 0'],
  [">.a", "pattern", '">" must be the whole last token, but ">.a" has ">" at byte 0'],
  ["a.b>", "pattern", '"a.b>" has ">" at byte 3'],
  ["a.>>", "pattern", '"a.>>" has ">" at byte 2'],
  ["*.", "pattern", '"*." has an empty one at byte 1'],
];
const bytesOf = (from: string | number[]): Buffer => (typeof from === "string" ? Buffer.from(from) : Buffer.from(from));

describe("topicProblem and patternProblem", () => {
  test.each(valid)("take %j as a topic and as a pattern", (topic) => {
    expect(ask(topicProblem, Buffer.from(topic))).toBeUndefined();
    expect(ask(patternProblem, Buffer.from(topic))).toBeUndefined();
    expect(isValid(Buffer.from(topic), false)).toBe(true);
  });

  test.each(patterns)("take %j as a pattern alone", (pattern) => {
    expect(ask(patternProblem, Buffer.from(pattern))).toBeUndefined();
    expect(ask(topicProblem, Buffer.from(pattern))).toContain("which belong to patterns");
  });

  test.each(wrong)("say what is wrong with %j as a %s", (from, of, says) => {
    const bytes = bytesOf(from);
    if (of !== "pattern") expect(ask(topicProblem, bytes)).toContain(says);
    if (of !== "topic") expect(ask(patternProblem, bytes)).toContain(says);
  });

  test("name what they are asked about", () => {
    expect(topicProblem(Buffer.from("a b"), 0, 3)).toMatch(/^a topic must /);
    expect(patternProblem(Buffer.from("a b"), 0, 3)).toMatch(/^a pattern must /);
    expect(topicProblem(Buffer.from("a*b"), 0, 3, "queue name")).toMatch(/^a queue name must /);
  });

  test("agree with Node about every sequence at the edges of UTF-8's table", () => {
    const edges = [0x2e, 0x61, 0x7e, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff];
    const disagree: string[] = [];
    const compare = (...bytes: number[]): void => {
      const buf = Uint8Array.from([0x61, ...bytes, 0x62]); // letters around, so that a "." makes no empty token
      const isTaken = topicProblem(buf, 0, buf.length) === undefined;
      if (isTaken !== isValid(buf, false)) disagree.push(Buffer.from(buf).toString("hex"));
    };
    for (let first = 0x80; first < 0x100; first++) {
      for (let second = 0; second < 0x100; second++) compare(first, second);
      for (const second of edges) for (const third of edges) compare(first, second, third);
    }
    for (let first = 0xe0; first < 0xf8; first++) {
      for (const second of edges)
        for (const third of edges) for (const fourth of edges) compare(first, second, third, fourth);
    }
    expect(disagree).toEqual([]);
  });

  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom(0x2e, 0x2a, 0x3e, 0x24, 0x61, 0x20, 0xc3, 0xa4), { maxLength: 8 })
      .map((b) => Uint8Array.from(b)),
    fc.string({ unit: "grapheme", maxLength: 80 }).map((text) => new TextEncoder().encode(text)),
  );

  test("agree with the grammar checked naively, and say so on one short line", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        for (const [problem, isPattern] of [
          [topicProblem, false],
          [patternProblem, true],
        ] as const) {
          const said = ask(problem, bytes);
          expect(said === undefined).toBe(isValid(bytes, isPattern));
          if (said !== undefined) {
            expect(said).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
            expect(said.length).toBeLessThan(700);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("strings", () => {
  test.each(valid)("checkTopic takes %j", (topic) => {
    checkTopic(topic);
    checkPattern(topic);
  });

  test.each(patterns)("checkPattern takes %j", (pattern) => {
    checkPattern(pattern);
    expect(() => checkTopic(pattern)).toThrow(PodbusError);
  });

  test.each(wrong.filter(([from]) => typeof from === "string"))("refuse %j as a %s", (from, of, says) => {
    const text = String(from);
    if (of !== "pattern") expect(topicTextProblem(text)).toContain(says);
    if (of !== "topic") expect(patternTextProblem(text)).toContain(says);
  });

  test("carry the code of what they checked", () => {
    expect(() => checkTopic("a b")).toThrow(expect.objectContaining({ name: "PodbusError", code: "bad_topic" }));
    expect(() => checkPattern("a b")).toThrow(expect.objectContaining({ name: "PodbusError", code: "bad_pattern" }));
  });

  test.each(["\ud800", "a.\udfff.b", "a.\udc00\ud800", "\ud83d.\ude00", `${"x".repeat(250)}\ud83d`])(
    "refuse %j, which has no UTF-8",
    (text) => {
      expect(topicTextProblem(text)).toMatch(
        /^a topic must be well-formed Unicode, but ".*"…? has half of a surrogate pair$/,
      );
      expect(patternTextProblem(text)).toContain("half of a surrogate pair");
    },
  );

  test("U+FFFD itself is a character like others", () => {
    expect(topicTextProblem("a.\ufffd")).toBeUndefined();
  });

  test("count bytes, not characters", () => {
    expect(topicTextProblem("é".repeat(127))).toBeUndefined();
    expect(topicTextProblem("é".repeat(128))).toContain("is 256");
    expect(topicTextProblem("日".repeat(255))).toContain("is 765");
    expect(topicTextProblem("日".repeat(300))).toContain("is 900");
    expect(topicTextProblem("😀".repeat(63))).toBeUndefined();
    expect(topicTextProblem("😀".repeat(64))).toContain("is 256");
  });

  test.each([undefined, null, 7, {}, ["a"]])("refuse %j from a caller without types", (value) => {
    // @ts-expect-error what JavaScript may pass
    expect(() => checkTopic(value)).toThrow(/^a topic must be a string, but this is (undefined|null|number|object)$/);
  });

  test("agree with the bytes of the string", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "grapheme" }),
          fc.string({ unit: "binary-ascii" }),
          fc.stringMatching(/^[a*>.$ü]*$/),
        ),
        (text) => {
          const bytes = Buffer.from(text);
          expect(topicTextProblem(text)).toBe(topicProblem(bytes, 0, bytes.length));
          expect(patternTextProblem(text)).toBe(patternProblem(bytes, 0, bytes.length));
        },
      ),
    );
  });
});

describe("matches", () => {
  test.each([
    ["orders.eu", "orders.eu", true],
    ["orders.eu", "orders.us", false],
    ["orders.eu", "orders", false],
    ["orders", "orders.eu", false],
    ["orders.*", "orders.eu", true],
    ["orders.*", "orders", false],
    ["orders.*", "orders.eu.created", false],
    ["*.eu", "orders.eu", true],
    ["*", "orders", true],
    ["*", "orders.eu", false],
    ["orders.*.created", "orders.eu.created", true],
    ["orders.*.created", "orders.eu.paid", false],
    ["orders.>", "orders.eu", true],
    ["orders.>", "orders.eu.created", true],
    ["orders.>", "orders", false],
    ["orders.*.>", "orders.eu", false],
    ["orders.*.>", "orders.eu.created", true],
    [">", "orders", true],
    [">", "orders.eu.created", true],
    ["order.>", "orders.eu", false],
    ["größe.*", "größe.日本", true],
    ["e\u0301", "\u00e9", false],
    [">", "$sys.ping", false],
    ["*", "$sys", false],
    ["*.ping", "$sys.ping", false],
    ["*.>", "$sys.ping", false],
    ["$sys.>", "$sys.ping", true],
    ["$sys.*", "$sys.ping", true],
    ["$sys.ping", "$sys.ping", true],
    ["orders.*", "orders.$x", true],
  ])("%s against %s: %s", (pattern, topic, expected) => {
    expect(matches(pattern, topic)).toBe(expected);
  });

  test("agrees with a pattern turned into a regular expression", () => {
    const token = fc.constantFrom("a", "b", "$a");
    const topic = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
    const pattern = fc
      .tuple(fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 4 }), fc.boolean())
      .map(([tokens, isRest]) => (isRest || tokens.length === 0 ? [...tokens, ">"] : tokens).join("."));
    fc.assert(
      fc.property(pattern, topic, (pattern, topic) => {
        const source = pattern
          .replaceAll("$", "\\$")
          .replaceAll(".", "\\.")
          .replaceAll("*", "[^.]+")
          .replaceAll(">", ".+");
        const isHidden = topic.startsWith("$") && /^[*>]/.test(pattern);
        expect(matches(pattern, topic)).toBe(!isHidden && new RegExp(`^${source}$`).test(topic));
      }),
      { numRuns: 500 },
    );
  });
});

test("a system topic is one whose first token begins with $", () => {
  for (const [topic, expected] of [
    ["$sys.ping", true],
    ["$", true],
    ["a.$b", false],
    ["sys", false],
  ] as const) {
    expect(isSystemTopic(topic)).toBe(expected);
    expect(isSystemTopicAt(Buffer.from(`.${topic}`), 1)).toBe(expected);
  }
});

test("tokensOf splits at the dots", () => {
  expect(tokensOf("orders.*.>")).toEqual(["orders", "*", ">"]);
  expect(tokensOf("a")).toEqual(["a"]);
});

describe("covers", () => {
  test.each([
    ["orders.>", "orders.eu", true],
    ["orders.>", "orders.*.new", true],
    ["orders.>", "orders.>", true],
    ["orders.>", "orders", false],
    ["orders.*", "orders.eu", true],
    ["orders.*", "orders.*", true],
    ["orders.*", "orders.>", false],
    ["orders.*", "orders.eu.new", false],
    ["*.eu", "orders.eu", true],
    ["*.eu", "*.*", false],
    [">", "*.>", true],
    ["*.>", ">", false],
    ["a.b", "a.*", false],
    ["a.b", "a.b.c", false],
    [">", "$sys.events.>", false],
    ["*.events", "$sys.events", false],
    ["$sys.>", "$sys.events.>", true],
  ])("%s, %s: %s", (granted, wanted, answer) => {
    expect(covers(granted, wanted)).toBe(answer);
  });

  const token = fc.constantFrom("a", "b", "*");
  const pattern = fc
    .tuple(fc.array(token, { maxLength: 3 }), fc.boolean())
    .map(([tokens, isRest]) => (isRest || tokens.length === 0 ? [...tokens, ">"] : tokens).join("."));
  /** Every topic of one to four tokens out of three, one of which no pattern names. */
  const topics = ["a", "b", "c"];
  for (const topic of topics) {
    if (tokensOf(topic).length < 4) topics.push(`${topic}.a`, `${topic}.b`, `${topic}.c`);
  }

  test("is whether every topic that the one matches is matched by the other", () => {
    fc.assert(
      fc.property(pattern, pattern, (granted, wanted) => {
        const all = topics.filter((topic) => matches(wanted, topic)).every((topic) => matches(granted, topic));
        expect(covers(granted, wanted)).toBe(all);
      }),
      { numRuns: 2000 },
    );
  });
});
