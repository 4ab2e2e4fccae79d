// What is wrong with a file of rules as YAML, in the words of somebody who writes rules: by the line and the key at which it went wrong.

import { type Document, isMap, isScalar, isSeq, type LineCounter, type Node } from "yaml";

import type { RulesProblem } from "./problem.ts";

/** For what the parser says in words of its own trade, or without what to do. */
const WORDS: readonly (readonly [begin: string, message: string])[] = [
  [
    "Alias cannot be an empty",
    "a pattern that begins with * is written in quotes, as * alone refers to something else in YAML",
  ],
  ["Nested mappings", "a text with a colon and a space in it is written in quotes; a map begins on the next line"],
  ["Map keys must be unique", "this key is there already; put what both have into one"],
  [
    "Source contains multiple",
    "a file of rules is one document; leave out the line --- and put the rules into one list",
  ],
  ["Tabs are not allowed", "indent with spaces, not with tabs"],
  ["All mapping items", "keys of one map begin in one column; indent this line as they are"],
  ["Sequence item without", "this is neither a rule, which begins with -, nor indented as the keys of one are"],
  ["Flow map", "what { begins has no }"],
  ["Flow sequence", "what [ begins has no ]"],
  ["Missing closing", "the text that a quote begins has no quote at its end"],
];

/** All of it; none where it is YAML. */
export function syntaxProblems(document: Document.Parsed, lines: LineCounter): RulesProblem[] {
  return [...document.errors, ...document.warnings].map(({ pos: [offset], message, code }) => {
    const told = WORDS.find(([begin]) => message.startsWith(begin))?.[1] ?? message.split("\n")[0]!;
    const remedy = code === "BAD_SCALAR_START" ? "; write it in quotes" : "";
    // What has no end is told where it begins, and not where the parser gave up.
    const isFlow = message.startsWith("Flow ");
    const isUnfinished = isFlow || message.startsWith("Missing closing");
    const { last, flow } = placesOf(document.contents, isUnfinished ? offset - 1 : offset);
    const place = (isFlow && flow) || last;
    const { line } = lines.linePos(isUnfinished && place.begin !== undefined ? place.begin : offset);
    return { line, key: place.key, message: `not YAML: ${told}${remedy}` };
  });
}

/** The way to something, and where it begins. */
interface Place {
  readonly key: string;
  readonly begin: number | undefined;
}

/** The last thing that begins before `offset`, and the last of those around it that is written in brackets. */
function placesOf(contents: Node | null, offset: number): { last: Place; flow: Place | undefined } {
  const isBefore = (node: unknown): boolean => (beginOf(node) ?? Number.POSITIVE_INFINITY) <= offset;
  let node: unknown = contents;
  let last: Place = { key: "", begin: beginOf(node) };
  let flow: Place | undefined;
  for (;;) {
    let next: unknown;
    if ((isSeq(node) || isMap(node)) && node.flow === true) flow = last;
    if (isSeq(node)) {
      const index = node.items.findLastIndex(isBefore);
      if (index < 0) break;
      next = node.items[index];
      last = { key: `${last.key}[${index}]`, begin: beginOf(next) };
    } else if (isMap(node)) {
      const pair = node.items.findLast((item) => isBefore(item.key));
      if (pair === undefined) break;
      const name = isScalar(pair.key) ? String(pair.key.value) : "?";
      next = pair.value;
      last = {
        key: last.key === "" ? name : `${last.key}.${name}`,
        begin: isBefore(next) ? beginOf(next) : beginOf(pair.key),
      };
    } else break;
    if (!isBefore(next)) break;
    node = next;
  }
  return { last, flow };
}

function beginOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
