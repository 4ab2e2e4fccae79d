// Whose network namespace this is, as far as can be seen from inside: abstract sockets belong to it, so whoever shares it can connect.
// Pure: facts in, a verdict with its reasons out. There is no sure way to tell from within a container, so the best witness counts
// first: the kubelet's own word, then the kernel's number for its first namespace, then services of a node that listen here.

/** What was seen (shared/os/namespace.ts). */
export interface NamespaceFacts {
  /** The inodes of this process's namespaces; undefined where they can't be read. */
  readonly net: number | undefined;
  readonly uts: number | undefined;
  readonly pid: number | undefined;
  /** What the kubelet says in the first line of an /etc/hosts that it manages: `hostNetwork` or not. */
  readonly kubeletHosts: "host" | "pod" | undefined;
  /** Sockets of a node's services that listen in this namespace, whether their path can be reached from here or not. */
  readonly nodeSockets: readonly string[];
  /** Whether Kubernetes runs this process. */
  readonly kubernetes: boolean;
  /** Whether a container runtime has left its mark. */
  readonly container: boolean;
}

/** Processes of this namespace that can be seen, by where they belong. */
export interface Sharers {
  readonly processes: number;
  /** Uids of Kubernetes pods. */
  readonly pods: readonly string[];
  /** Ids of containers. */
  readonly containers: readonly string[];
}

export interface NamespaceScope {
  /**
   * `host`: the node's, or machine's, own. `wider`: not that, but shared by more than one pod. `pod`: a pod's. `own`: none of these:
   * made for a container or a command. `unknown`: nothing can be seen.
   */
  readonly scope: "host" | "wider" | "pod" | "own" | "unknown";
  /** What it was seen by, each a clause. */
  readonly signs: readonly string[];
}

/** The first namespaces' inodes are constants of the kernel: uts and pid since 3.8, net since 6.18 (include/uapi/linux/nsfs.h). */
const FIRST_UTS = 0xeffffffe;
const FIRST_PID = 0xeffffffc;
const FIRST_NET = 0xeffffff9;
/**
 * Before that the first network namespace had one of the first numbers of those given out at run time, which are /proc's as well:
 * 4026531840 to 4026532008 were seen, while what containers get comes behind some two hundred files of /proc.
 */
const FIRST_DYNAMIC = 0xf000_0000;
const EARLY = 200;

export function namespaceScope(facts: NamespaceFacts, sharers?: Sharers): NamespaceScope {
  const { net, kubeletHosts } = facts;
  if (kubeletHosts === "host") return { scope: "host", signs: ["the kubelet wrote “host network” into /etc/hosts"] };
  if (kubeletHosts === undefined) {
    const signs = hostSigns(facts);
    if (signs.length > 0) return { scope: "host", signs };
  }
  const pods = sharers?.pods ?? [];
  if (pods.length > 1) return { scope: "wider", signs: [`processes of ${pods.length} pods are in it`] };
  if (kubeletHosts === "pod") return { scope: "pod", signs: ["the kubelet's /etc/hosts is that of a pod"] };
  if (net === undefined) return { scope: "unknown", signs: ["/proc/self/ns/net can't be read"] };
  const notFirst = `it is not the first of this kernel (${net})`;
  if (facts.kubernetes) return { scope: "pod", signs: ["Kubernetes runs this process", notFirst] };
  return { scope: "own", signs: [notFirst] };
}

function hostSigns({ net, uts, nodeSockets }: NamespaceFacts): string[] {
  const signs: string[] = [];
  if (net === FIRST_NET) signs.push(`it is the kernel's first (${net})`);
  const isEarly = net !== undefined && net >= FIRST_DYNAMIC && net < FIRST_DYNAMIC + EARLY;
  if (isEarly && uts === FIRST_UTS) signs.push(`it is one of the kernel's first (${net}), as is the UTS namespace`);
  if (nodeSockets.length > 0) signs.push(`services of a node listen in it (${nodeSockets.join(", ")})`);
  return signs;
}

/** Whether this process is in a container, as far as can be seen. */
export function isContained({ container, kubernetes, pid }: NamespaceFacts): boolean {
  return container || kubernetes || (pid !== undefined && pid !== FIRST_PID);
}
