// Reads what shows whose network namespace this process is in. Each source may be missing or forbidden, which is no error: it then says
// nothing. What follows from it is for namespace-scope.ts.

import { existsSync, readdirSync, readlinkSync } from "node:fs";

import { attempt, readText } from "./attempt.ts";
import { containerOf, parseCgroup } from "./container.ts";
import type { NamespaceFacts, Sharers } from "./namespace-scope.ts";
import { parseSocketTable } from "./socket-table.ts";

/**
 * Where the kubelet, container runtimes and the init system of a node listen. A container may have such a runtime of its own, but hardly
 * at a node's path.
 */
const NODE_SOCKETS: readonly RegExp[] = [
  /^\/var\/lib\/kubelet\/.+\.sock$/,
  /^\/(var\/)?run\/containerd\/containerd\.sock$/,
  /^\/(var\/)?run\/crio\/crio\.sock$/,
  /^\/run\/k3s\/containerd\/containerd\.sock$/,
  /^\/run\/systemd\/private$/,
];
/** As many are shown. */
const SHOWN = 3;

/** For a broker's start: a few small files. */
export function readNamespaceFacts(env: NodeJS.ProcessEnv = process.env): NamespaceFacts {
  const kubeletHosts = parseKubeletHosts(readText("/etc/hosts"));
  return {
    net: inodeOf("net"),
    uts: inodeOf("uts"),
    pid: inodeOf("pid"),
    kubeletHosts,
    nodeSockets: nodeSocketsOf(readText("/proc/net/unix")),
    kubernetes:
      kubeletHosts !== undefined ||
      (env["KUBERNETES_SERVICE_HOST"] ?? "") !== "" ||
      parseCgroup(readText("/proc/self/cgroup"))?.pod !== undefined ||
      existsSync("/var/run/secrets/kubernetes.io/serviceaccount"),
    container: existsSync("/.dockerenv") || existsSync("/run/.containerenv"),
  };
}

/** The first line of the text of an /etc/hosts that the kubelet manages (pkg/kubelet/kubelet_pods.go) tells one from the other. */
export function parseKubeletHosts(text: string): NamespaceFacts["kubeletHosts"] {
  const first = text.split("\n", 1)[0]!.trim();
  if (first === "# Kubernetes-managed hosts file (host network).") return "host";
  return first === "# Kubernetes-managed hosts file." ? "pod" : undefined;
}

/** The services of a node that listen, of the text of a /proc/net/unix: some of them. */
export function nodeSocketsOf(text: string): string[] {
  const names = new Set<string>();
  for (const { name, state } of parseSocketTable(text)) {
    if (state !== "listening" || name === undefined) continue;
    if (NODE_SOCKETS.some((path) => path.test(name))) names.add(name);
  }
  return [...names].sort().slice(0, SHOWN);
}

/** For `podbus doctor`: looks at every process that can be seen. */
export function readSharers(): Sharers {
  const own = attempt(() => readlinkSync("/proc/self/ns/net"));
  const pods = new Set<string>();
  const containers = new Set<string>();
  let processes = 0;
  for (const pid of attempt(() => readdirSync("/proc")) ?? []) {
    if (own === undefined || !/^\d+$/.test(pid)) continue;
    if (attempt(() => readlinkSync(`/proc/${pid}/ns/net`)) !== own) continue;
    processes++;
    const container = containerOf(Number(pid));
    if (container !== undefined) containers.add(container.id);
    if (container?.pod !== undefined) pods.add(container.pod);
  }
  return { processes, pods: [...pods].sort(), containers: [...containers].sort() };
}

function inodeOf(kind: string): number | undefined {
  const found = /\[(\d+)\]$/.exec(attempt(() => readlinkSync(`/proc/self/ns/${kind}`)) ?? "");
  return found === null ? undefined : Number(found[1]);
}
