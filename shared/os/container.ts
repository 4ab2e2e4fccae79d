// What can be seen of the container that a process runs in, from its cgroup. A guess by the names that the runtimes give their
// cgroups, for people to read; nothing is decided by it.

import { readText } from "./attempt.ts";

export interface Container {
  /** 64 hexadecimal digits. Runtimes show the first 12. */
  readonly id: string;
  readonly runtime: "docker" | "containerd" | "cri-o" | "podman" | undefined;
  /** The uid of its Kubernetes pod. */
  readonly pod: string | undefined;
}

/**
 * A container in a path, as each runtime writes it: `docker-ID.scope`, `/docker/ID`, `cri-containerd-ID.scope`,
 * `:cri-containerd:ID`, `crio-ID.scope`, `libpod-ID.scope`, or, below a pod, the bare id. `crio-conmon-ID` and
 * `libpod-conmon-ID` are the runtime's own monitor, outside the container, and do not match.
 */
const CONTAINER = /(?:^|[/:])(?:(docker|nerdctl|cri-containerd|crio|libpod)[-/:])?([0-9a-f]{64})(?:\.scope)?(?=$|\/)/g;

/** `/podUID/` of cgroupfs and `-podU_I_D.slice` of systemd, which can't have a dash within a name. */
const POD = /[/-]pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?(?=[/:])/;

const RUNTIMES: Record<string, Container["runtime"]> = {
  docker: "docker",
  nerdctl: "containerd",
  "cri-containerd": "containerd",
  crio: "cri-o",
  libpod: "podman",
};

/** The container that the text of a `/proc/PID/cgroup` names; undefined when it names none. */
export function parseCgroup(text: string): Container | undefined {
  for (const line of text.split("\n")) {
    // HIERARCHY:CONTROLLERS:PATH; the path may have colons.
    const path = line.split(":").slice(2).join(":");
    // The innermost, where containers run within containers.
    const found = [...path.matchAll(CONTAINER)].at(-1);
    if (found === undefined) continue;
    const pod = POD.exec(path)?.[1]?.replaceAll("_", "-");
    return { id: found[2]!, runtime: RUNTIMES[found[1] ?? ""], pod };
  }
  return undefined;
}

/** The container of a process; undefined when none can be seen, among others for one's own within a private cgroup namespace. */
export function containerOf(pid: number): Container | undefined {
  return parseCgroup(readText(`/proc/${pid}/cgroup`));
}
