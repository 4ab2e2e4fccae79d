// Which mount a path is on, and what of it matters to who writes there: its file system, whether it is read-only. Of the text of
// /proc/self/mountinfo, which is pure, and of this process's own.

import { posix } from "node:path";

import { readText } from "./attempt.ts";

export interface Mount {
  readonly point: string;
  /** `ext4`, `xfs`, `tmpfs`, `overlay`, … */
  readonly type: string;
  readonly source: string;
  /** By the mount or by the file system below it. */
  readonly readOnly: boolean;
}

/** In the order of the kernel: a later one covers an earlier one at the same point. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL…] - TYPE SOURCE SUPER-OPTIONS
    const [before, after] = line.split(" - ", 2);
    const [, , , , point, options] = before!.split(" ");
    const [type, source, superOptions = ""] = (after ?? "").split(" ");
    if (point === undefined || options === undefined || type === undefined || source === undefined) continue;
    const has = (list: string): boolean => list.split(",").includes("ro");
    mounts.push({
      point: unescaped(point),
      type,
      source: unescaped(source),
      readOnly: has(options) || has(superOptions),
    });
  }
  return mounts;
}

/** The mount that the absolute path `path` is on. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const normal = posix.normalize(path);
  let found: Mount | undefined;
  for (const mount of mounts) {
    const isAbove = mount.point === "/" || normal === mount.point || normal.startsWith(`${mount.point}/`);
    if (isAbove && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/** Empty where the system does not tell. */
export function readMounts(): Mount[] {
  return parseMounts(readText("/proc/self/mountinfo"));
}

/** Space, tab, line feed and backslash are octal. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
