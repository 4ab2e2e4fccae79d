// Reads rules from a file of YAML, of which JSON is a part: who may do what, checked key by key, every problem with its line. It must
// not know what the rules come to. The same is said for editors in schema.json.

import { isUtf8 } from "node:buffer";

import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

import { NotRegular, readRegularFile } from "../../shared/os/regular-file.ts";
import { MAX_NAME_BYTES } from "../../shared/protocol.ts";
import { UNMAPPED_ID } from "../../shared/unmapped.ts";
import { quote } from "../../shared/quote.ts";
import { isSystemTopic, patternTextProblem } from "../../shared/topic.ts";
import { POWERS, type Power, type Rule, type Verb, VERBS, type Who } from "../core/rules.ts";
import { RulesError, type RulesProblem } from "./problem.ts";
import { syntaxProblems } from "./syntax.ts";

/** Rules, and where they were read. */
export interface RuleSet {
  readonly file: string;
  readonly rules: readonly Rule[];
}

/** More than anybody writes. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_ID = 0xffff_fffe;
const LF = 0x0a;

const RULE_KEYS: readonly string[] = ["who", ...VERBS, ...POWERS];
const WHO_KEYS: readonly string[] = ["identity", "uid", "gid"];

/** @throws RulesError, a PodbusError `bad_option`, that tells every problem by its line */
export function readRules(file: string): RuleSet {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file, MAX_FILE_BYTES + 1);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      cause instanceof NotRegular ? `${message}; name a file of rules` : `the file can't be read (${code ?? message})`;
    throw wrongFile(file, 1, why, cause);
  }
  if (bytes.length > MAX_FILE_BYTES) throw wrongFile(file, 1, `a file of rules has at most ${MAX_FILE_BYTES} bytes`);
  const line = firstNotUtf8(bytes);
  if (line !== undefined) throw wrongFile(file, line, "this line is not UTF-8; save the file as UTF-8");
  return parseRules(bytes.toString(), file);
}

function wrongFile(file: string, line: number, message: string, cause?: unknown): RulesError {
  return new RulesError(file, [{ line, key: "", message }], { cause });
}

/** The first line that is not UTF-8, from 1. Names that were read otherwise than they are written would be others' names. */
function firstNotUtf8(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined;
  let line = 1;
  for (let start = 0; ; line++) {
    const end = bytes.indexOf(LF, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}

/** Rules of the text of a file. @throws RulesError */
export function parseRules(text: string, file: string): RuleSet {
  const reader = new Reader(text);
  const rules = reader.rules();
  if (reader.problems.length > 0) throw new RulesError(file, reader.problems);
  return { file, rules };
}

/** A value of the document: what it is, and the way to it. */
interface Place {
  readonly node: Node | null | undefined;
  readonly key: string;
  /** Where a value that is missing would be. */
  readonly line: number;
}

class Reader {
  readonly problems: RulesProblem[] = [];
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.problems.push(...syntaxProblems(this.#document, this.#lines));
  }

  rules(): Rule[] {
    if (this.problems.length > 0) return [];
    const root = { node: this.#document.contents, key: "", line: 1 };
    const file = this.#map(root, ["rules", "$schema"], "a map with the key rules");
    if (file === undefined) return [];
    const rules = file.get("rules");
    if (rules === undefined) {
      this.#wrong(root, "expected the key rules, a list; an empty one permits nothing: rules: []");
      return [];
    }
    return this.#list(rules, "a list of rules").map((each) => this.#rule(each));
  }

  #rule(place: Place): Rule {
    const keys = this.#map(place, RULE_KEYS, `a map with the key who and some of ${[...VERBS, ...POWERS].join(", ")}`);
    const who = keys?.get("who");
    if (keys !== undefined && who === undefined) {
      this.#wrong(place, "expected the key who: any, or a map with some of identity, uid, gid");
    }
    const permits = Object.fromEntries(VERBS.map((verb) => [verb, this.#patterns(keys?.get(verb), verb)])) as Record<
      Verb,
      string[]
    >;
    const powers = new Set<Power>(POWERS.filter((power) => this.#flag(keys?.get(power))));
    return { who: who === undefined ? [] : this.#who(who), permits, powers, line: this.#lineOf(place) };
  }

  #who(place: Place): Who[] {
    if (this.#scalar(place) === "any") return [{}];
    const node = this.#resolved(place);
    const all = isSeq(node) ? this.#list(place, "") : [place];
    if (all.length === 0) this.#wrong(place, "expected somebody: any, or a map with some of identity, uid, gid");
    return all.map((each) => this.#somebody(each));
  }

  #somebody(place: Place): Who {
    const isAny = this.#scalar(place) === "any";
    const expected = isAny ? "any without a list: it is everybody; or here" : "any, or";
    const keys = this.#map(place, WHO_KEYS, `${expected} a map with some of identity, uid, gid`);
    if (keys?.size === 0) this.#wrong(place, "expected some of identity, uid, gid; everybody is written any");
    const identity = keys?.get("identity");
    const uid = keys?.get("uid");
    const gid = keys?.get("gid");
    return {
      ...(identity !== undefined && { identity: this.#oneOrMore(identity, "a name", (each) => this.#identity(each)) }),
      ...(uid !== undefined && { uid: this.#oneOrMore(uid, "a uid", (each) => this.#id(each, "uid")) }),
      ...(gid !== undefined && { gid: this.#oneOrMore(gid, "a gid", (each) => this.#id(each, "gid")) }),
    };
  }

  #identity(place: Place): string[] {
    const value = this.#scalar(place);
    if (typeof value === "string" && value !== "" && Buffer.byteLength(value) <= MAX_NAME_BYTES) return [value];
    this.#wrong(place, `expected a name of 1 to ${MAX_NAME_BYTES} bytes, not ${this.#shown(place)}`);
    return [];
  }

  #id(place: Place, kind: "uid" | "gid"): number[] {
    const value = this.#scalar(place);
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > MAX_ID) {
      this.#wrong(place, `expected a ${kind}, a number from 0 to ${MAX_ID}, not ${this.#shown(place)}`);
    } else if (value === UNMAPPED_ID) {
      this.#wrong(place, `${kind} ${UNMAPPED_ID} stands for all that have no number here; use identity, with a secret`);
    } else {
      return [value as number];
    }
    return [];
  }

  #patterns(place: Place | undefined, verb: Verb): string[] {
    if (place === undefined) return [];
    const noun = verb === "queue" ? "queue name" : "pattern";
    return this.#someOf(place, (each) => {
      const value = this.#scalar(each);
      const problem = typeof value === "string" ? patternTextProblem(value, noun) : undefined;
      if (this.#isBlock(each)) {
        this.#wrong(
          each,
          `a ${noun} is written in quotes where it begins with > or |, which in YAML begin a text of lines`,
        );
      } else if (typeof value !== "string") this.#wrong(each, `expected a ${noun}, text, not ${this.#shown(each)}`);
      else if (problem !== undefined) this.#wrong(each, problem);
      else if (isSystemTopic(value)) {
        this.#wrong(each, `${quote(value)} is the broker's own: sys: true lets read those, admin: true change queues`);
      } else return [value];
      return [];
    });
  }

  #flag(place: Place | undefined): boolean {
    if (place === undefined) return false;
    const value = this.#scalar(place);
    if (typeof value !== "boolean") this.#wrong(place, `expected true or false, not ${this.#shown(place)}`);
    return value === true;
  }

  /** One, or a list with at least one. */
  #oneOrMore<T>(place: Place, what: string, read: (place: Place) => T[]): T[] {
    const node = this.#resolved(place);
    if (isSeq(node) && node.items.length === 0) this.#wrong(place, `expected ${what}, or a list of some, not none`);
    return this.#someOf(place, read);
  }

  #someOf<T>(place: Place, read: (place: Place) => T[]): T[] {
    return isSeq(this.#resolved(place)) ? this.#list(place, "").flatMap((each) => read(each)) : read(place);
  }

  #list(place: Place, expected: string): Place[] {
    const node = this.#resolved(place);
    if (!isSeq(node)) {
      this.#wrong(place, `expected ${expected}, not ${this.#shown(place)}`);
      return [];
    }
    const line = this.#lineOf(place);
    return node.items.map((item, i) => ({ node: item as Node | null, key: `${place.key}[${i}]`, line }));
  }

  /** The values of a map by their keys, none but these. */
  #map(place: Place, known: readonly string[], expected: string): Map<string, Place> | undefined {
    const node = this.#resolved(place);
    if (!isMap(node)) {
      this.#wrong(place, `expected ${expected}, not ${this.#shown(place)}`);
      return undefined;
    }
    const values = new Map<string, Place>();
    for (const { key: keyNode, value } of node.items) {
      const key = String(isScalar(keyNode) ? keyNode.value : keyNode);
      const name = place.key === "" ? key : `${place.key}.${key}`;
      const at = { node: value as Node | null, key: name, line: this.#lineOf({ ...place, node: keyNode as Node }) };
      if (known.includes(key)) values.set(key, at);
      else this.#wrong({ ...at, node: keyNode as Node }, `unknown key; known are ${known.join(", ")}`);
    }
    return values;
  }

  #scalar(place: Place): unknown {
    const node = this.#resolved(place);
    return isScalar(node) ? node.value : undefined;
  }

  /** Whether it is a text behind > or |. */
  #isBlock(place: Place): boolean {
    const node = this.#resolved(place);
    return isScalar(node) && (node.type === "BLOCK_FOLDED" || node.type === "BLOCK_LITERAL");
  }

  /** What an alias stands for. */
  #resolved({ node }: Place): Node | null | undefined {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #shown(place: Place): string {
    const node = this.#resolved(place);
    if (isMap(node)) return "a map";
    if (isSeq(node)) return "a list";
    if (node === undefined && isAlias(place.node))
      return `${quote(`*${place.node.source}`)}, for which there is no anchor (a pattern that begins with * is written in quotes)`;
    const value = this.#scalar(place);
    return typeof value === "string" ? quote(value) : value === null || value === undefined ? "nothing" : String(value);
  }

  #wrong(place: Place, message: string): void {
    this.problems.push({ line: this.#lineOf(place), key: place.key, message });
  }

  #lineOf({ node, line }: Place): number {
    const start = node?.range?.[0];
    return start === undefined ? line : this.#lines.linePos(start).line;
  }
}
