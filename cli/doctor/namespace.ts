// Who else can reach an abstract socket from here: the check of the network namespace, and the rule by which `serve` refuses to start
// in a node's without a secret. Pure.

import type { Address } from "../../shared/address.ts";
import {
  isContained,
  type NamespaceFacts,
  namespaceScope,
  type NamespaceScope,
  type Sharers,
} from "../../shared/os/namespace-scope.ts";
import type { Check } from "./check.ts";

export interface NamespaceQuestion {
  readonly address: Address;
  readonly facts: NamespaceFacts;
  /** Whether clients have to prove a secret. */
  readonly hasSecret: boolean;
  readonly sharers?: Sharers;
}

const ADVICE =
  "give the broker a secret (--secret-file), or leave hostNetwork out of the pod, or listen on a file-system socket in a shared volume (--address /PATH)";

/**
 * Why `serve` must not start; undefined where it may. In a pod with `hostNetwork` every process of the node's namespace, those of other
 * such pods among them, can connect or take the name first, and uids don't tell them apart.
 */
export function hostNetworkProblem({ address, facts, hasSecret }: NamespaceQuestion): string | undefined {
  if (address.kind === "file" || hasSecret || !facts.kubernetes) return undefined;
  const { scope, signs } = namespaceScope(facts);
  if (scope !== "host") return undefined;
  return (
    `this pod shares the node's network namespace (${signs.join("; ")}), so every process there can reach ${address.text} ` +
    `or take its name first: ${ADVICE}`
  );
}

export function checkNamespace(question: NamespaceQuestion): Check {
  const { address, facts, hasSecret, sharers } = question;
  const seen = namespaceScope(facts, sharers);
  const common = {
    check: "namespace",
    facts: { ...seen, ...facts, ...(sharers && { sharers }), contained: isContained(facts), hasSecret },
  } as const;
  if (address.kind === "file") {
    const says = `the network namespace does not matter: ${address.text} is a file, reached by who may write to it`;
    return { ...common, state: "ok", says };
  }
  const says = `${WHOSE[seen.scope]}: ${seen.signs.join("; ")}`;
  if (hostNetworkProblem(question) !== undefined) {
    return { ...common, state: "problem", says: `${says}; every process of the node can connect`, advice: ADVICE };
  }
  const state = hasSecret ? "ok" : stateOf(seen, facts);
  return state === "ok" ? { ...common, state, says } : { ...common, state, says, advice: ADVICE };
}

const WHOSE: Record<NamespaceScope["scope"], string> = {
  host: "the network namespace is the machine's own",
  wider: "the network namespace is shared wider than one pod",
  pod: "the network namespace is a pod's",
  own: "the network namespace is one of its own, not the machine's",
  unknown: "whose the network namespace is can't be seen",
};

function stateOf({ scope }: NamespaceScope, facts: NamespaceFacts): Check["state"] {
  if (scope === "wider" || scope === "unknown") return "warning";
  // On a machine without containers it is the only one there is.
  return scope === "host" && isContained(facts) ? "warning" : "ok";
}
