// The object of the benchmark with structured payloads: ten fields of the kinds that messages have. Pure.

import { FIRST, LAST } from "./stamp.ts";

export interface SampleObject {
  readonly id: number;
  readonly kind: string;
  readonly customer: string;
  readonly country: string;
  readonly amount: number;
  readonly currency: string;
  readonly quantity: number;
  readonly paid: boolean;
  readonly createdMs: number;
  readonly note: string | null;
}

const COUNTRIES = ["AT", "CH", "DE", "FR", "IT", "JP", "NL", "US"] as const;
const SINCE_MS = 1_790_000_000_000;
const MARKS: Record<number, string | null> = { 0: null, [FIRST]: "first", [LAST]: "last" };

export function makeObject(number: number, marks: number): SampleObject {
  return {
    id: number,
    kind: "order.created",
    customer: `customer-${number & 0xfff}`,
    country: COUNTRIES[number & 7]!,
    amount: (number & 0xffff) * 0.25,
    currency: "EUR",
    quantity: (number & 0xf) + 1,
    paid: (number & 1) === 0,
    createdMs: SINCE_MS + number,
    note: MARKS[marks] ?? null,
  };
}

/** Reads every field: whether this is object `number`, whole. */
export function isObject(object: SampleObject, number: number): boolean {
  return (
    object.id === number &&
    object.kind === "order.created" &&
    object.customer.length === 9 + String(number & 0xfff).length &&
    object.country === COUNTRIES[number & 7] &&
    object.amount === (number & 0xffff) * 0.25 &&
    object.currency === "EUR" &&
    object.quantity === (number & 0xf) + 1 &&
    object.paid === ((number & 1) === 0) &&
    object.createdMs === SINCE_MS + number &&
    (object.note === null || object.note === "first" || object.note === "last")
  );
}

export function marksOfObject(object: SampleObject): number {
  return object.note === "first" ? FIRST : object.note === "last" ? LAST : 0;
}
