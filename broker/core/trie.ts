// Finds the values (subscriptions, queues, responders) whose patterns match a topic. It owns the tree of patterns and nothing
// else: it must not know what a value is, nor who may subscribe. Patterns and topics must be valid (shared/topic.ts).
//
//   add("orders.eu", a)  add("orders.*.paid", b)  add("orders.>", c)  add("*.eu.new", d)  add("orders.eu.*.*", e)
//
//   root ─┬─ orders  rest: c ─┬─ eu  ends: a ─── *.*  ends: e
//         │                   └─ *.paid  ends: b
//         └─ *.eu.new  ends: d                        a `>` is no node: what it holds lies at the node before it
//
// Tokens that nothing parts share a node (a radix tree): each node but the root holds values or has two children or more, so
// there are fewer than two for a pattern, and a peer that subscribes to long patterns costs little more than their text.
// Cost: add and remove O(tokens), however many values one pattern has. Match: one path leads to a node, so it visits each at
// most once, and of them only the token's own branch and `*`; a bomb of wildcards costs what it took to store, not more. The
// k values found are put in the order of add: O(k) where one pattern holds them all, O(k log patterns) else. The route cache
// asks once for a topic, not once for a message.

import { isSystemTopic, tokensOf } from "../../shared/topic.ts";

/** A value under one pattern. */
interface Entry<T> {
  readonly value: T;
  /** When it was first added, in adds of the whole trie. */
  readonly order: number;
  /** How often it was added. */
  times: number;
}

class Node<T> {
  /** The tokens that lead here from the parent: one or more, but at the root. `*` stands for any. */
  label: readonly string[];
  /** By the first token of their label, `*` among them: no topic has a token of that name. */
  children: Map<string, Node<T>> | undefined;
  /** Values of the pattern that ends here. */
  ends: Map<T, Entry<T>> | undefined;
  /** Values of the pattern that goes on with `>`. */
  rest: Map<T, Entry<T>> | undefined;

  constructor(label: readonly string[]) {
    this.label = label;
  }
}

/** Values by pattern. Values are compared as a Map compares its keys. */
export class Trie<T> {
  readonly #root = new Node<T>([]);
  #size = 0;
  #adds = 0;
  /** Nodes that were visited by all matches so far: what they cost. */
  visits = 0;
  /** What the current match found; empty between matches, so that it holds nothing alive. */
  readonly #found: Entry<T>[] = [];

  /** How many adds are in force: the values, each as often as it was added. */
  get size(): number {
    return this.#size;
  }

  /** Adds `value` under `pattern`. What is added n times is found n times, and has to be removed n times. */
  add(pattern: string, value: T): void {
    const { tokens, isRest } = parse(pattern);
    const node = reach(this.#root, tokens);
    const held = isRest ? (node.rest ??= new Map()) : (node.ends ??= new Map());
    const entry = held.get(value);
    if (entry === undefined) held.set(value, { value, order: this.#adds, times: 1 });
    else entry.times++;
    this.#adds++;
    this.#size++;
  }

  /** Takes back one add of `value` under `pattern`; false where there is none. Nodes that nothing needs any more go with it. */
  remove(pattern: string, value: T): boolean {
    const { tokens, isRest } = parse(pattern);
    let above: Node<T> | undefined;
    let parent: Node<T> | undefined;
    let node = this.#root;
    for (let depth = 0; depth < tokens.length; depth += node.label.length) {
      const child = node.children?.get(tokens[depth]!);
      if (child === undefined || shared(child.label, tokens, depth) < child.label.length) return false;
      above = parent;
      parent = node;
      node = child;
    }
    const held = isRest ? node.rest : node.ends;
    const entry = held?.get(value);
    if (held === undefined || entry === undefined) return false;
    this.#size--;
    if (--entry.times > 0) return true;
    held.delete(value);
    if (held.size > 0) return true;
    if (isRest) node.rest = undefined;
    else node.ends = undefined;
    if (parent !== undefined) tidy(node, parent, above);
    return true;
  }

  /**
   * Appends to `into`, and returns, the values whose patterns match `topic`: each once for every add, in the order in which
   * they were first added under their pattern (one that was removed altogether and added again is last).
   */
  match(topic: string, into: T[]): T[] {
    const tokens = tokensOf(topic);
    // Patterns that begin with a wildcard do not match the broker's own topics: only the token's own branch is taken.
    if (isSystemTopic(topic)) this.#follow(this.#root.children?.get(tokens[0]!), tokens, 0);
    else this.#collect(this.#root, tokens, 0);
    const found = this.#found;
    found.sort(byOrder);
    for (const { value, times } of found) for (let i = 0; i < times; i++) into.push(value);
    found.length = 0;
    return into;
  }

  /** How many nodes there are, the root among them, counted anew: O(nodes), for checks. */
  countNodes(): number {
    let count = 0;
    const open = [this.#root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      count++;
      if (node.children !== undefined) for (const child of node.children.values()) open.push(child);
    }
    return count;
  }

  /** Takes what `node` and those below it hold; `depth` tokens lead to it. It recurs 128 deep at most, as a topic has tokens. */
  #collect(node: Node<T>, tokens: readonly string[], depth: number): void {
    this.visits++;
    if (depth === tokens.length) {
      if (node.ends !== undefined) for (const entry of node.ends.values()) this.#found.push(entry);
      return;
    }
    if (node.rest !== undefined) for (const entry of node.rest.values()) this.#found.push(entry);
    if (node.children === undefined) return;
    this.#follow(node.children.get(tokens[depth]!), tokens, depth);
    this.#follow(node.children.get("*"), tokens, depth);
  }

  /** Goes on to `child`, which was found by its first token, where the others of its label fit as well. */
  #follow(child: Node<T> | undefined, tokens: readonly string[], depth: number): void {
    if (child === undefined) return;
    const label = child.label;
    if (depth + label.length > tokens.length) return;
    for (let i = 1; i < label.length; i++) if (label[i] !== "*" && label[i] !== tokens[depth + i]) return;
    this.#collect(child, tokens, depth + label.length);
  }
}

function parse(pattern: string): { tokens: string[]; isRest: boolean } {
  const tokens = tokensOf(pattern);
  const isRest = tokens.at(-1) === ">";
  if (isRest) tokens.pop();
  return { tokens, isRest };
}

/** How many tokens of `label` are those of `tokens` from `depth` on. */
function shared(label: readonly string[], tokens: readonly string[], depth: number): number {
  let count = 0;
  while (count < label.length && label[count] === tokens[depth + count]) count++;
  return count;
}

/** The node to which `tokens` lead, made where there is none. */
function reach<T>(root: Node<T>, tokens: readonly string[]): Node<T> {
  let node = root;
  for (let depth = 0; depth < tokens.length; depth += node.label.length) {
    const child = node.children?.get(tokens[depth]!);
    if (child === undefined) {
      const leaf = new Node<T>(tokens.slice(depth));
      adopt(node, leaf);
      return leaf;
    }
    const count = shared(child.label, tokens, depth);
    node = count === child.label.length ? child : split(child, count, node);
  }
  return node;
}

/** Puts a node between `parent` and `child` that takes the first `count` tokens of the child's label. */
function split<T>(child: Node<T>, count: number, parent: Node<T>): Node<T> {
  const upper = new Node<T>(child.label.slice(0, count));
  child.label = child.label.slice(count);
  adopt(upper, child);
  adopt(parent, upper);
  return upper;
}

/** `node` lost values: takes it out where it is needed no more, and its parent where that only parted it from one other. */
function tidy<T>(node: Node<T>, parent: Node<T>, above: Node<T> | undefined): void {
  if (node.children !== undefined) {
    joinOnlyChild(node, parent);
    return;
  }
  if (holdsValues(node)) return;
  parent.children!.delete(node.label[0]!);
  if (parent.children!.size === 0) parent.children = undefined;
  else if (above !== undefined) joinOnlyChild(parent, above);
}

/** Undoes a {@link split}: where `node` holds no value and has one child, the child takes its place. */
function joinOnlyChild<T>(node: Node<T>, parent: Node<T>): void {
  if (holdsValues(node) || node.children!.size > 1) return;
  for (const child of node.children!.values()) {
    child.label = [...node.label, ...child.label];
    adopt(parent, child);
  }
}

function adopt<T>(parent: Node<T>, child: Node<T>): void {
  parent.children ??= new Map();
  parent.children.set(child.label[0]!, child);
}

function holdsValues<T>(node: Node<T>): boolean {
  return node.ends !== undefined || node.rest !== undefined;
}

function byOrder<T>(a: Entry<T>, b: Entry<T>): number {
  return a.order - b.order;
}
