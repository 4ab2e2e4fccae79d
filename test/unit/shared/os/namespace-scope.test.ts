import { describe, expect, test } from "vitest";

import { isContained, type NamespaceFacts, namespaceScope } from "../../../../shared/os/namespace-scope.ts";

const FIRST_NET = 4026531833;
const FIRST_UTS = 4026531838;
const FIRST_PID = 4026531836;
const LATER = 4026532177;

const facts = (some: Partial<NamespaceFacts> = {}): NamespaceFacts => ({
  net: LATER,
  uts: LATER + 1,
  pid: LATER + 2,
  kubeletHosts: undefined,
  nodeSockets: [],
  kubernetes: false,
  container: false,
  ...some,
});

describe("whose the network namespace is", () => {
  test.each<[what: string, seen: Partial<NamespaceFacts>, scope: string, sign: RegExp]>([
    ["the kubelet says host network", { kubeletHosts: "host", kubernetes: true }, "host", /kubelet wrote/],
    ["the kubelet says pod", { kubeletHosts: "pod", kubernetes: true }, "pod", /kubelet's/],
    ["the kernel's first", { net: FIRST_NET }, "host", /first \(4026531833\)/],
    ["one of the first, before 6.18, with the first UTS namespace", { net: 4026531992, uts: FIRST_UTS }, "host", /UTS/],
    ["a kubelet listens", { nodeSockets: ["/var/lib/kubelet/x.sock"] }, "host", /\/var\/lib\/kubelet\/x\.sock/],
    ["Kubernetes, and not the first", { kubernetes: true }, "pod", /Kubernetes runs/],
    ["neither", {}, "own", /4026532177/],
    ["nothing can be read", { net: undefined }, "unknown", /can't be read/],
  ])("%s", (_what, seen, scope, sign) => {
    const found = namespaceScope(facts(seen));
    expect(found.scope).toBe(scope);
    expect(found.signs.join("; ")).toMatch(sign);
  });

  test("the kubelet's word goes before the kernel's number: a pod in a virtual machine of its own is in the first one", () => {
    expect(namespaceScope(facts({ kubeletHosts: "pod", net: FIRST_NET, kubernetes: true })).scope).toBe("pod");
  });

  test("an early number alone is no sign: with another UTS namespace it may be a container's", () => {
    expect(namespaceScope(facts({ net: 4026531992 })).scope).toBe("own");
    expect(namespaceScope(facts({ net: 4026532040, uts: FIRST_UTS })).scope).toBe("own");
  });

  test("processes of two pods make it wider than a pod, whatever the kubelet said", () => {
    const sharers = { processes: 9, pods: ["a", "b"], containers: [] };
    expect(namespaceScope(facts({ kubeletHosts: "pod" }), sharers).scope).toBe("wider");
    expect(namespaceScope(facts(), { ...sharers, pods: ["a"] }).scope).toBe("own");
    expect(namespaceScope(facts({ kubeletHosts: "host" }), sharers).scope).toBe("host");
  });
});

test("a container is seen by a runtime's mark, by Kubernetes, or by its PID namespace", () => {
  expect(isContained(facts({ pid: FIRST_PID }))).toBe(false);
  expect(isContained(facts({ pid: undefined }))).toBe(false);
  expect(isContained(facts({ pid: LATER }))).toBe(true);
  expect(isContained(facts({ pid: FIRST_PID, container: true }))).toBe(true);
  expect(isContained(facts({ pid: FIRST_PID, kubernetes: true }))).toBe(true);
});
