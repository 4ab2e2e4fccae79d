import { describe, expect, test } from "vitest";

import { containerOf, parseCgroup } from "../../../../shared/os/container.ts";

const ID = "4f1c2d3e".repeat(8);
const OTHER = "0a9b8c7d".repeat(8);
const POD = "0d6c3a5e-8f1b-4c2d-9e7f-1a2b3c4d5e6f";
const POD_OF_SYSTEMD = POD.replaceAll("-", "_");

describe("parseCgroup", () => {
  test.each([
    ["docker, systemd", `0::/system.slice/docker-${ID}.scope\n`, "docker", undefined],
    ["docker, cgroupfs", `12:pids:/docker/${ID}\n1:name=systemd:/docker/${ID}\n`, "docker", undefined],
    ["docker in docker", `0::/docker/${OTHER}/docker/${ID}\n`, "docker", undefined],
    ["docker, below its scope", `0::/system.slice/docker-${ID}.scope/init\n`, "docker", undefined],
    [
      "containerd of Kubernetes, systemd",
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD_OF_SYSTEMD}.slice/cri-containerd-${ID}.scope\n`,
      "containerd",
      POD,
    ],
    [
      "containerd of Kubernetes, first version",
      `11:memory:/system.slice/containerd.service/kubepods-besteffort-pod${POD_OF_SYSTEMD}.slice:cri-containerd:${ID}\n`,
      "containerd",
      POD,
    ],
    ["Kubernetes, cgroupfs", `3:cpu:/kubepods/burstable/pod${POD}/${ID}\n`, undefined, POD],
    [
      "Kubernetes, guaranteed",
      `0::/kubepods.slice/kubepods-pod${POD_OF_SYSTEMD}.slice/crio-${ID}.scope\n`,
      "cri-o",
      POD,
    ],
    [
      "cri-o, below its scope",
      `0::/kubepods.slice/kubepods-pod${POD_OF_SYSTEMD}.slice/crio-${ID}.scope/container\n`,
      "cri-o",
      POD,
    ],
    ["a sibling of this cgroup namespace", `0::/../cri-containerd-${ID}.scope\n`, "containerd", undefined],
    ["podman, root", `0::/machine.slice/libpod-${ID}.scope/container\n`, "podman", undefined],
    [
      "podman, user",
      `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope\n`,
      "podman",
      undefined,
    ],
    ["podman, cgroupfs", `0::/libpod_parent/libpod-${ID}\n`, "podman", undefined],
    ["nerdctl", `0::/system.slice/nerdctl-${ID}.scope\n`, "containerd", undefined],
    ["second line", `1:name=systemd:/\n0::/docker/${ID}\n`, "docker", undefined],
  ])("%s", (_, text, runtime, pod) => {
    expect(parseCgroup(text)).toEqual({ id: ID, runtime, pod });
  });

  test.each([
    ["none", "0::/\n"],
    ["nothing", ""],
    ["a user's session", "0::/user.slice/user-1000.slice/session-2.scope\n"],
    ["the monitor of a container", `0::/machine.slice/libpod-conmon-${ID}.scope\n`],
    ["an id that is too long", `0::/docker/${ID}0\n`],
    ["an id that is too short", `0::/docker/${ID.slice(1)}\n`],
    ["capital digits", `0::/docker/${ID.toUpperCase()}\n`],
    ["no path", `0:${ID}\n`],
  ])("%s is undefined", (_, text) => {
    expect(parseCgroup(text)).toBeUndefined();
  });
});

test("a process that is not there has no container", () => {
  expect(containerOf(0)).toBeUndefined();
});
