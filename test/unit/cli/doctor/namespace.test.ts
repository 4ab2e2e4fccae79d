import { describe, expect, test } from "vitest";

import { checkNamespace, hostNetworkProblem, type NamespaceQuestion } from "../../../../cli/doctor/namespace.ts";
import { parseAddress } from "../../../../shared/address.ts";
import type { NamespaceFacts } from "../../../../shared/os/namespace-scope.ts";

const POD: NamespaceFacts = {
  net: 4026532177,
  uts: 4026532178,
  pid: 4026532179,
  kubeletHosts: "pod",
  nodeSockets: [],
  kubernetes: true,
  container: false,
};
const HOST_NETWORK: NamespaceFacts = { ...POD, kubeletHosts: "host" };
/** A machine without containers. */
const MACHINE: NamespaceFacts = {
  ...POD,
  net: 4026531833,
  uts: 4026531838,
  pid: 4026531836,
  kubeletHosts: undefined,
  kubernetes: false,
};

const ask = (some: Partial<NamespaceQuestion> = {}): NamespaceQuestion => ({
  address: parseAddress("@podbus"),
  facts: POD,
  hasSecret: false,
  ...some,
});

describe("serve refuses to start", () => {
  test("in a pod with the node's network, without a secret, and says why and what to do", () => {
    const problem = hostNetworkProblem(ask({ facts: HOST_NETWORK }));
    expect(problem).toMatch(/node's network namespace .*host network.*@podbus/);
    expect(problem).toMatch(/--secret-file/);
    expect(problem).not.toContain("\n");
  });

  test("also where it is seen by the kernel's number alone", () => {
    expect(hostNetworkProblem(ask({ facts: { ...MACHINE, kubernetes: true } }))).toMatch(/4026531833/);
  });

  test.each<[what: string, question: Partial<NamespaceQuestion>]>([
    ["with a secret", { facts: HOST_NETWORK, hasSecret: true }],
    ["on a file-system socket", { facts: HOST_NETWORK, address: parseAddress("/run/podbus.sock") }],
    ["in a pod's own network", {}],
    ["outside Kubernetes", { facts: MACHINE }],
    ["where nothing can be seen", { facts: { ...POD, kubeletHosts: undefined, net: undefined } }],
  ])("not %s", (_what, question) => {
    expect(hostNetworkProblem(ask(question))).toBeUndefined();
  });
});

describe("the check", () => {
  test.each<[what: string, question: Partial<NamespaceQuestion>, state: string, says: RegExp]>([
    ["a pod's own", {}, "ok", /a pod's/],
    ["the node's", { facts: HOST_NETWORK }, "problem", /every process of the node/],
    ["the node's, with a secret", { facts: HOST_NETWORK, hasSecret: true }, "ok", /machine's own/],
    ["a machine's", { facts: MACHINE }, "ok", /machine's own/],
    ["a container in the machine's", { facts: { ...MACHINE, container: true } }, "warning", /machine's own/],
    ["two pods'", { sharers: { processes: 3, pods: ["a", "b"], containers: [] } }, "warning", /wider than one pod/],
    ["unknown", { facts: { ...POD, kubeletHosts: undefined, net: undefined } }, "warning", /can't be seen/],
    ["of no matter", { facts: HOST_NETWORK, address: parseAddress("./podbus.sock") }, "ok", /does not matter/],
  ])("%s", (_what, question, state, says) => {
    const check = checkNamespace(ask(question));
    expect(check.state).toBe(state);
    expect(check.says).toMatch(says);
    expect(check.advice !== undefined).toBe(state !== "ok");
  });
});
