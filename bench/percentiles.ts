// Order statistics of measurements. Pure.

/** The value below which the share `p` (0 to 1) of the sorted `values` lies, by nearest rank; NaN of none. */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  const { length } = sorted;
  if (length === 0) return Number.NaN;
  return sorted[Math.min(length - 1, Math.max(0, Math.ceil(p * length) - 1))]!;
}

/** The middle one, or the mean of the middle two; NaN of none. The order of `values` does not matter. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const { length } = sorted;
  const upper = sorted[length >> 1] ?? Number.NaN;
  return length % 2 === 1 ? upper : ((sorted[(length >> 1) - 1] ?? Number.NaN) + upper) / 2;
}
