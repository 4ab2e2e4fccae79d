import { expect, test } from "vitest";

import { mountOf, parseMounts, readMounts } from "../../../../shared/os/mounts.ts";

const TEXT = `22 27 0:21 / / rw,relatime - overlay overlay rw,lowerdir=/a
23 22 0:22 / /proc rw,nosuid shared:5 master:1 - proc proc rw
24 22 8:1 /x /data ro,relatime - ext4 /dev/sda1 rw
25 22 8:2 / /data/deep\\040er rw,relatime - xfs /dev/sdb ro,attr2
26 22 0:30 / /data-2 rw - tmpfs tmpfs rw,size=1k
27 22 8:3 / /data rw - ext4 /dev/sdc rw

not a line
`;

test("reads points, types, and what is read-only by the mount or by its file system", () => {
  expect(parseMounts(TEXT)).toEqual([
    { point: "/", type: "overlay", source: "overlay", readOnly: false },
    { point: "/proc", type: "proc", source: "proc", readOnly: false },
    { point: "/data", type: "ext4", source: "/dev/sda1", readOnly: true },
    { point: "/data/deep er", type: "xfs", source: "/dev/sdb", readOnly: true },
    { point: "/data-2", type: "tmpfs", source: "tmpfs", readOnly: false },
    { point: "/data", type: "ext4", source: "/dev/sdc", readOnly: false },
  ]);
});

test.each([
  ["/", "overlay"],
  ["/database", "overlay"],
  ["/data", "/dev/sdc"], // the later one covers the earlier
  ["/data/x/../y", "/dev/sdc"],
  ["/data/deep er/z", "/dev/sdb"],
  ["/data-2/z", "tmpfs"],
])("%s is on %s", (path, source) => {
  expect(mountOf(path, parseMounts(TEXT))?.source).toBe(source);
});

test("every path of this process is on something", () => {
  expect(mountOf("/proc/self", readMounts())?.type).toBe("proc");
});
