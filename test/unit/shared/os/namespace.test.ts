import { readlinkSync } from "node:fs";

import { expect, test } from "vitest";

import { nodeSocketsOf, parseKubeletHosts, readNamespaceFacts, readSharers } from "../../../../shared/os/namespace.ts";

test("the first line of the kubelet's /etc/hosts says which network the pod has", () => {
  expect(parseKubeletHosts("# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n")).toBe("host");
  expect(parseKubeletHosts("# Kubernetes-managed hosts file.\r\n127.0.0.1\tlocalhost\n")).toBe("pod");
  expect(parseKubeletHosts("127.0.0.1 localhost\n# Kubernetes-managed hosts file.\n")).toBeUndefined();
  expect(parseKubeletHosts("")).toBeUndefined();
});

test("services of a node are told by where they listen; others, and those who are only connected there, are not", () => {
  const row = (state: string, flags: string, name: string): string =>
    `0000000000000000: 00000002 00000000 ${flags} 0001 ${state} 12345 ${name}`;
  const text = [
    "Num       RefCount Protocol Flags    Type St Inode Path",
    row("01", "00010000", "/var/lib/kubelet/pod-resources/kubelet.sock"),
    row("01", "00010000", "/run/containerd/containerd.sock"),
    row("03", "00000000", "/run/crio/crio.sock"),
    row("01", "00010000", "/app/kubelet.sock"),
    row("01", "00010000", "@podbus"),
    row("01", "00010000", "/run/containerd/containerd.sock"),
    "",
  ].join("\n");
  expect(nodeSocketsOf(text)).toEqual([
    "/run/containerd/containerd.sock",
    "/var/lib/kubelet/pod-resources/kubelet.sock",
  ]);
});

test("Kubernetes is seen by the variable that it gives every container; an empty one is none", () => {
  expect(readNamespaceFacts({ KUBERNETES_SERVICE_HOST: "10.0.0.1" }).kubernetes).toBe(true);
  const without = readNamespaceFacts({});
  expect(readNamespaceFacts({ KUBERNETES_SERVICE_HOST: "" })).toEqual(without);
  expect(readlinkSync("/proc/self/ns/net")).toBe(`net:[${without.net}]`);
});

test("this process is among those that share its namespace", () => {
  const { processes, pods, containers } = readSharers();
  expect(processes).toBeGreaterThan(0);
  expect(containers.length).toBeGreaterThanOrEqual(pods.length);
});
