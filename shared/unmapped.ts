/** What the kernel gives for a uid or gid that has no number in this process's user namespace (its `overflowuid`): many may share it. */
export const UNMAPPED_ID = 65534;
