// The shipped manifests: what kustomize makes of them, and the pod that podman is given. Debian's podman 4.3 knows no native sidecar and
// turns an exec probe into a shell's command line, where the image has no shell. So the pod is derived by one transformation: each init
// container with `restartPolicy: Always` becomes one of the first containers, without that and without its probes. The probes' commands
// are run as the kubelet runs them (pod.ts). Pure, but for kustomize.

import { execFileSync } from "node:child_process";

import { parseAllDocuments } from "yaml";

export interface Probe {
  readonly exec: { readonly command: readonly string[] };
}

export interface Container {
  readonly name: string;
  readonly restartPolicy?: "Always";
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: Probe };
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
}

interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext?: Readonly<Record<string, unknown>>;
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

/** Of the line that is inside kubectl since 1.27, and one that Debian's Go compiles. */
const KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.0.3";

/** What `kubectl kustomize FOLDER` prints. The first time it is compiled, which takes half a minute. */
export function kustomize(folder: string): Manifest[] {
  return documentsOf(execFileSync("go", ["run", KUSTOMIZE, "build", folder], { encoding: "utf8", stdio: "pipe" }));
}

export function documentsOf(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** The pods that a Deployment or Job makes, as they are shipped. */
export function podSpecOf(manifests: readonly Manifest[]): PodSpec {
  return workloadOf(manifests).spec!.template!.spec;
}

function workloadOf(manifests: readonly Manifest[]): Manifest {
  const found = manifests.find(({ spec }) => spec?.template !== undefined);
  if (found === undefined) throw new Error("there is no Deployment or Job among these manifests");
  return found;
}

/** What podman is given: the derived pod, and the secrets that it mounts. */
export function derived(manifests: readonly Manifest[]): object[] {
  const { initContainers = [], containers, ...spec } = podSpecOf(manifests);
  const isSidecar = ({ restartPolicy }: Container): boolean => restartPolicy === "Always";
  const dropped = new Set(["restartPolicy", "startupProbe", "readinessProbe", "livenessProbe"]);
  const plain = (container: Container): object =>
    Object.fromEntries(Object.entries(container).filter(([key]) => !dropped.has(key)));
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: workloadOf(manifests).metadata.name },
    spec: {
      ...spec,
      initContainers: initContainers.filter((container) => !isSidecar(container)),
      containers: [...initContainers.filter(isSidecar).map(plain), ...containers],
    },
  };
  return [...manifests.filter(({ kind }) => kind === "Secret"), pod];
}
