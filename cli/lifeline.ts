// For processes that others start for themselves: standard input is a pipe from the parent, which ends however the parent does,
// killed included.

/** Resolves once the parent is gone, or has let go. */
export function parentGone(): Promise<void> {
  return new Promise((resolve) => {
    process.stdin.on("end", resolve).on("error", () => resolve());
    process.stdin.resume();
  });
}
