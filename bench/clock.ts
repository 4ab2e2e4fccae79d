// The clock that all processes of this machine share.

/** Nanoseconds of the monotonic clock. Exact to a fraction of a microsecond for as long as a machine is up. */
export function nowNs(): number {
  return Number(process.hrtime.bigint());
}
