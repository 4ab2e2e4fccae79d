// What a role is: one part of a scenario, played by a process of its own.

import type { roles } from "./index.ts";

/** The way back to the process that started this one. */
export interface Control {
  /** Says that the others may begin. */
  ready(): void;
  /** Resolves once that process says `what`, with what it added. */
  told(what: string): Promise<unknown>;
}

export type Role<Params, Result> = (params: Params, control: Control) => Promise<Result>;

export type RoleName = keyof typeof roles;
export type ParamsOf<Name extends RoleName> = Parameters<(typeof roles)[Name]>[0];
export type ResultOf<Name extends RoleName> = Awaited<ReturnType<(typeof roles)[Name]>>;

export type ToWorker =
  | { readonly kind: "play"; readonly role: RoleName; readonly params: unknown }
  | { readonly kind: "tell"; readonly what: string; readonly value: unknown };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "failed"; readonly why: string };
