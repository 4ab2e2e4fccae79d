// Where records end in a stream of chunks. Pure. Cost: one addition a record.

export class RecordBounds {
  /** Bytes of the begun record that are still to come. */
  #missing = 0;
  /** Bytes of a length of which the chunk had only a part, and their value so far. */
  #lengthBytes = 0;
  #length = 0;

  /** Takes the next chunk, and returns how many bytes at its beginning belong to the record that was begun before it. */
  take(chunk: Buffer): number {
    let at = 0;
    if (this.#lengthBytes > 0) {
      at = this.#readLength(chunk, 0);
      if (this.#lengthBytes > 0) return at;
    }
    at += this.#missing;
    if (at > chunk.length) {
      this.#missing = at - chunk.length;
      return chunk.length;
    }
    const rest = at;
    this.#missing = 0;
    while (at < chunk.length) {
      at = this.#readLength(chunk, at);
      if (this.#lengthBytes > 0) break;
      at += this.#missing;
      this.#missing = 0;
    }
    this.#missing = Math.max(0, at - chunk.length);
    return rest;
  }

  /** Reads the length at `at`, as far as it is there. */
  #readLength(chunk: Buffer, at: number): number {
    let next = at;
    while (this.#lengthBytes < 4) {
      if (next === chunk.length) return next;
      this.#length += chunk[next++]! * 2 ** (8 * this.#lengthBytes++);
    }
    this.#missing = this.#length;
    this.#lengthBytes = 0;
    this.#length = 0;
    return next;
  }
}
