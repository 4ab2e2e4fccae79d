// Where a broker would write: the data directory, and the directory of a file-system socket. What they are mounted on decides what
// survives. Pure.

import type { Mount } from "../../shared/os/mounts.ts";
import { printable } from "../../shared/printable.ts";
import { formatBytes } from "../units.ts";
import type { Check } from "./check.ts";

export interface Place {
  readonly path: string;
  /** `missing` where it can be made, the nearest directory above it then being what the rest is about. */
  readonly kind: "directory" | "missing" | "other";
  /** Whether this user may make files there. */
  readonly writable: boolean;
  readonly mount: Mount | undefined;
  readonly freeBytes: number | undefined;
}

const MIB = 1024 * 1024;
/** Below this writes are refused (broker/disk-room.ts). */
const LEAST_ROOM: number = MIB;
const LITTLE_ROOM: number = 64 * MIB;

const IN_MEMORY: ReadonlySet<string> = new Set(["tmpfs", "ramfs"]);
/** Of containers: what was written there is gone with them. */
const OF_CONTAINER: ReadonlySet<string> = new Set([
  "overlay",
  "overlayfs",
  "aufs",
  "fuse-overlayfs",
  "fuse.fuse-overlayfs",
]);
/** lmdb maps its file into memory and locks it, which does not hold over a network. */
const REMOTE = /^(nfs\d?|cifs|smb\d?|9p|ceph|glusterfs|lustre|beegfs|afs|fuse\..+)$/;

/** `uid` is this user's, for the advice. */
export function checkData(place: Place | undefined, uid: number): Check {
  if (place === undefined) {
    const says = "no data directory is given (--data): nothing survives the broker, and durable queues are refused";
    return { check: "data", state: "ok", says, facts: { path: null } };
  }
  const found = problemOf(place, uid);
  const common = { check: "data", facts: factsOf(place) } as const;
  if (found !== undefined) return { ...common, ...found };
  const { mount, freeBytes } = place;
  const where = describe(place);
  if (freeBytes !== undefined && freeBytes < LEAST_ROOM) {
    const says = `${where} has ${formatBytes(freeBytes)} of room, and the broker refuses to write with less than ${formatBytes(LEAST_ROOM)}`;
    return { ...common, state: "problem", says, advice: "make room there, or mount a larger volume" };
  }
  const room = freeBytes === undefined ? "" : `, ${formatBytes(freeBytes)} of room`;
  const says = `${where}${room}`;
  const type = mount?.type ?? "";
  if (IN_MEMORY.has(type)) {
    const advice =
      "mount a volume on disk where it is to survive the pod; what is in memory counts in the memory limit, too";
    return { ...common, state: "warning", says: `${says}: in memory, gone with the pod or the machine`, advice };
  }
  if (OF_CONTAINER.has(type)) {
    const advice = "mount a volume there: an emptyDir survives the container, a persistent volume the pod";
    return { ...common, state: "warning", says: `${says}: the container's own layer, gone with the container`, advice };
  }
  if (REMOTE.test(type)) {
    const advice = "mount a local volume: the store needs a file that is mapped into memory, and its locks";
    return { ...common, state: "warning", says: `${says}: a file system that others share over a network`, advice };
  }
  if (freeBytes !== undefined && freeBytes < LITTLE_ROOM) {
    return { ...common, state: "warning", says, advice: "make room there, or mount a larger volume" };
  }
  return { ...common, state: "ok", says };
}

/** The directory of a file-system socket. */
export function checkSocketPlace(place: Place, uid: number): Check {
  const common = { check: "socket", facts: factsOf(place) } as const;
  const found = problemOf(place, uid);
  if (found !== undefined) return { ...common, ...found };
  if (place.kind === "missing") {
    const says = `the directory of the socket, ${printable(place.path)}, does not exist`;
    return { ...common, state: "problem", says, advice: "create it first, or choose another address" };
  }
  return { ...common, state: "ok", says: `the socket's directory: ${describe(place)}` };
}

function problemOf(
  { path, kind, writable, mount }: Place,
  uid: number,
): Pick<Check, "state" | "says" | "advice"> | undefined {
  const shown = printable(path);
  if (kind === "other") {
    return { state: "problem", says: `${shown} is not a directory`, advice: "give another path" };
  }
  if (mount?.readOnly === true) {
    const says = `${shown} is on a read-only file system (${mount.type} at ${printable(mount.point)})`;
    return {
      state: "problem",
      says,
      advice: "mount a volume there that can be written (an emptyDir, or a persistent one)",
    };
  }
  if (writable) return undefined;
  const advice = "have it belong to that user, or to its group (fsGroup of the pod's securityContext)";
  return { state: "problem", says: `uid ${uid} may not write to ${shown}`, advice };
}

function describe({ path, kind, mount }: Place): string {
  const on = mount === undefined ? "" : ` on ${mount.type} (mounted at ${printable(mount.point)})`;
  return `${printable(path)}${kind === "missing" ? ", which will be made," : ""}${on}`;
}

function factsOf({ path, kind, writable, mount, freeBytes }: Place): Check["facts"] {
  return { path, kind, writable, mount: mount ?? null, freeBytes: freeBytes ?? null };
}
