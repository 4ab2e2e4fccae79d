// Copies of small ranges: the simulation makes several for each frame, and Node's own ways make a view or two for each.

/** Up to this a loop is faster than a call of the runtime. */
const SHORT_BYTES = 64;

/** A copy of `buf[start … end)`. */
export function copyOf(buf: Buffer, start = 0, end: number = buf.length): Buffer {
  const bytes = end - start;
  const copy = Buffer.allocUnsafe(bytes);
  if (bytes > SHORT_BYTES) buf.copy(copy, 0, start, end);
  else for (let i = 0; i < bytes; i++) copy[i] = buf[start + i]!;
  return copy;
}
