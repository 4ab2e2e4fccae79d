// What must hold of everything that was decoded from a peer's bytes.

import { MAX_DEPTH } from "../../../shared/codec/plain-read.ts";

/**
 * Only what JSON knows, bytes, 64-bit integers and timestamps; plain objects, no deeper than allowed, no more of them than the bytes
 * can hold. @throws where not
 */
export function checkDecoded(value: unknown, bytes: number): void {
  let nodes = 0;
  const visit = (each: unknown, depth: number): void => {
    nodes++;
    if (depth > MAX_DEPTH + 1) throw new Error(`it is ${depth} deep`);
    if (typeof each === "function" || typeof each === "symbol" || each === undefined)
      throw new Error(`a ${typeof each}`);
    if (typeof each !== "object" || each === null || each instanceof Date || each instanceof Uint8Array) return;
    if (Array.isArray(each)) {
      if (Object.keys(each).length !== each.length) throw new Error("an array with other properties");
      for (const item of each) visit(item, depth + 1);
      return;
    }
    if (Object.getPrototypeOf(each) !== Object.prototype) throw new Error("an object that is not plain");
    if (Object.hasOwn(each, "__proto__")) throw new Error("a property __proto__");
    for (const key of Object.keys(each)) visit((each as Record<string, unknown>)[key], depth + 1);
  };
  visit(value, 0);
  if (nodes > bytes) throw new Error(`${nodes} values from ${bytes} bytes`);
}

/** Nothing that every object has may have changed. @throws where something has */
export function checkPrototypes(): void {
  const stranger = {} as Record<string, unknown>;
  for (const key in stranger) throw new Error(`every object has a property ${key} now`);
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype]) {
    if (!names.get(prototype)!.every((name) => Object.hasOwn(prototype, name))) throw new Error("a property is gone");
    if (Reflect.ownKeys(prototype).length !== names.get(prototype)!.length) throw new Error("a prototype was added to");
  }
}

const names = new Map<object, readonly PropertyKey[]>(
  [Object.prototype, Array.prototype, Function.prototype].map((prototype) => [prototype, Reflect.ownKeys(prototype)]),
);
