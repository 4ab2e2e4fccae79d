// Reads the notation of test/conformance (its README.md): frames as JSON to bytes, and frames that came against what JSON says
// of them. Knows nothing of the broker or of vitest.

import { createHmac } from "node:crypto";

import { type Decoded, type Element, type Elements, Ext, ext1, Float, valueIn } from "./msgpack.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonMap = { readonly [key: string]: Json };

/** What a session remembers: numbers that it saved, and the connections' numbers. */
export class Memory {
  readonly saved: Map<string, Element> = new Map();
  readonly clients: Map<string, number> = new Map();
  /** The broker's, which is part of what a proof signs. */
  address = "";

  text(pattern: string): string {
    return pattern.replace(/\$\{(\w+)\}/g, (_all, name: string) => String(this.clients.get(name)));
  }
}

export function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

function isMap(json: Json): json is JsonMap {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** An element that is to be sent. */
function toElement(json: Json, memory: Memory = new Memory()): Element {
  if (typeof json === "string") return memory.text(json);
  if (Array.isArray(json)) throw new Error("an element is never an array");
  if (!isMap(json)) return json as Element;
  if ("value" in json) return ext1(toPlain(json["value"]!, memory));
  if ("use" in json) return memory.saved.get(json["use"] as string)!;
  return marked(json) ?? fail(`no such element: ${JSON.stringify(json)}`);
}

/** What the notation says by a map with one of its own keys; undefined where it is an ordinary map. */
function marked(json: JsonMap): Element | undefined {
  if ("str" in json) return (json["str"] as string) + (json["then"] as string).repeat(json["times"] as number);
  if ("bin" in json) {
    const unit = bytesOf(json["bin"] as string);
    return Buffer.concat(Array.from({ length: (json["times"] as number | undefined) ?? 1 }, () => unit));
  }
  if ("float" in json) return new Float(json["float"] as number);
  if ("int" in json) return BigInt(json["int"] as string);
  if ("ext" in json) return new Ext(json["ext"] as number, bytesOf(json["body"] as string));
  return undefined;
}

type Plain = Parameters<typeof ext1>[0];

function toPlain(json: Json, memory: Memory): Plain {
  if (Array.isArray(json)) return json.map((item: Json) => toPlain(item, memory));
  if (!isMap(json)) return json as Element;
  if ("proof" in json && "secret" in json) return proofOf(json, memory);
  return marked(json) ?? Object.fromEntries(Object.entries(json).map(([key, item]) => [key, toPlain(item, memory)]));
}

/** The proof that a map of this form stands for, computed from the protocol's text alone. */
function proofOf(json: JsonMap, memory: Memory): Buffer {
  return createHmac("sha256", json["secret"] as string)
    .update(`podbus1-${json["proof"] as string}`)
    .update(memory.saved.get(json["brokerNonce"] as string) as Buffer)
    .update(bytesOf(json["clientNonce"] as string))
    .update((json["address"] as string | undefined) ?? memory.address)
    .digest();
}

/** Why `came` is not what `wanted` says, or undefined where it is. What is to be saved is. */
export function frameProblem(wanted: readonly Json[], came: Elements, memory: Memory): string | undefined {
  const elements = normal(came);
  const length = Math.max(wanted.length, elements.length);
  for (let i = 0; i < length; i++) {
    const problem = elementProblem(wanted[i] ?? null, elements[i] ?? null, memory);
    if (problem !== undefined) return `element ${i}: ${problem}`;
  }
  return undefined;
}

/** A FOR says the same whether its defaults are written or left out. */
function normal(elements: Elements): Elements {
  if (elements[0] !== 10) return elements;
  const [op, sid, seq = null, attempt = null, flags = null] = elements;
  return [op!, sid!, seq, attempt === 1 ? null : attempt, flags === 0 ? null : flags];
}

export function elementProblem(wanted: Json, came: Element, memory: Memory = new Memory()): string | undefined {
  if (isMap(wanted)) {
    if ("save" in wanted) {
      memory.saved.set(wanted["save"] as string, came);
      return undefined;
    }
    if ("use" in wanted) return same(memory.saved.get(wanted["use"] as string), came);
    if ("any" in wanted && wanted["any"] === "value")
      return came instanceof Ext && came.type === 1 ? undefined : "no value";
    if ("value" in wanted) {
      if (!(came instanceof Ext)) return `a value was expected, not ${String(came)}`;
      return valueProblem(wanted["value"]!, valueIn(came), memory);
    }
  }
  return valueProblem(wanted, came, memory);
}

function valueProblem(wanted: Json, came: unknown, memory: Memory): string | undefined {
  if (typeof wanted === "string") return same(memory.text(wanted), came);
  if (Array.isArray(wanted)) {
    if (!Array.isArray(came) || came.length !== wanted.length)
      return `${wanted.length} items were expected: ${JSON.stringify(came)}`;
    return wanted.map((item: Json, i) => valueProblem(item, came[i], memory)).find((problem) => problem !== undefined);
  }
  if (!isMap(wanted)) return same(wanted, came);
  if ("save" in wanted) {
    memory.saved.set(wanted["save"] as string, came as Element);
    return undefined;
  }
  if ("proof" in wanted && "secret" in wanted) return same(proofOf(wanted, memory), came);
  if ("any" in wanted)
    return isAny(wanted["any"] as string, came) ? undefined : `not ${String(wanted["any"])}: ${String(came)}`;
  if ("text" in wanted) {
    const part = memory.text(wanted["text"] as string);
    return typeof came === "string" && came.includes(part)
      ? undefined
      : `${JSON.stringify(came)} does not name ${part}`;
  }
  if ("binOf" in wanted)
    return came instanceof Uint8Array && came.length === wanted["binOf"] ? undefined : "not so many bytes";
  if ("number" in wanted) return same(memory.clients.get(wanted["number"] as string), came);
  if ("absent" in wanted) return came === undefined || came === null ? undefined : `to be absent: ${String(came)}`;
  const element = marked(wanted);
  if (element !== undefined) return same(element, came);
  if (typeof came !== "object" || came === null) return `a map was expected, not ${String(came)}`;
  for (const [key, item] of Object.entries(wanted)) {
    const problem = valueProblem(item, (came as Record<string, unknown>)[key], memory);
    if (problem !== undefined) return `${key}: ${problem}`;
  }
  return undefined;
}

function isAny(kind: string, came: unknown): boolean {
  if (kind === "int") return Number.isInteger(came) || typeof came === "bigint";
  return kind === "str" && typeof came === "string" && came !== "";
}

function same(wanted: unknown, came: unknown): string | undefined {
  const problem = `${shown(wanted)} was expected, not ${shown(came)}`;
  if (wanted instanceof Float) return came instanceof Float ? same(wanted.value, came.value) : problem;
  if (wanted instanceof Ext) {
    return came instanceof Ext && came.type === wanted.type && came.body.equals(wanted.body) ? undefined : problem;
  }
  if (wanted instanceof Uint8Array)
    return came instanceof Uint8Array && Buffer.from(wanted).equals(came) ? undefined : problem;
  return wanted === came || (typeof wanted === "bigint" && BigInt(came as number) === wanted) ? undefined : problem;
}

function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `bin of ${value.length}`;
  if (value instanceof Ext) return `ext ${value.type} ${value.body.toString("hex")}`;
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

function fail(message: string): never {
  throw new Error(message);
}

/** The elements that `json` says a frame has. */
export function toElements(json: readonly Json[], memory: Memory = new Memory()): Element[] {
  return json.map((element) => toElement(element, memory));
}

/** Whether `came` has exactly these bytes. */
export function hasBytes(came: Decoded, hex: string): boolean {
  return came.bytes.equals(bytesOf(hex));
}
