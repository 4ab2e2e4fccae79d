// Planted bugs in what survives the broker: written, confirmed, and read back.

import type { Mutant } from "./list.ts";

const core = (file: string, name: string, find: string, replace: string): Mutant => ({
  name,
  file: `broker/core/${file}`,
  find,
  replace,
});

export const STORE_MUTANTS: readonly Mutant[] = [
  core(
    "durability.ts",
    "a SYNC is confirmed before the disk has it",
    "    return version <= this.#writtenVersion;",
    "    return version <= Math.max(this.#writtenVersion, this.#writingVersion);",
  ),
  core(
    "durability.ts",
    "a SYNC is confirmed although the write failed",
    "      for (const { done } of waiting) done(error);",
    "      for (const { done } of waiting) done(undefined);",
  ),
  core(
    "durability.ts",
    "what could not be written is forgotten",
    "      this.#changes.set(key, { value: change.value, isNew: false });\n",
    "",
  ),
  core(
    "durability.ts",
    "a failed write counts as written",
    "      else this.#failed(changes, error);\n",
    "      else {\n        this.#failed(changes, error);\n        this.#succeeded();\n      }\n",
  ),
  core(
    "durability.ts",
    "after a failed write there is no other",
    "    this.#core.deadlines.set(this, this.#core.nowMs() + PAUSE_MS);\n",
    "",
  ),
  core(
    "durability.ts",
    "what changed meanwhile is written over by what failed",
    "      if (this.#changes.has(key)) continue;\n",
    "",
  ),
  core(
    "durability.ts",
    "a removal is lost where the value may be on disk",
    "isNew: known?.isNew ?? isNew });",
    "isNew: true });",
  ),
  core(
    "durability.ts",
    "whoever waits is forgotten",
    "      this.#waiting = this.#waiting.filter(({ version }) => version > this.#writingVersion);",
    "      this.#waiting = [];",
  ),
  core(
    "queue-log.ts",
    "what is settled is not written",
    "    if (record.left > 0) return this.#putSettled(record);",
    "    if (record.left > 0) return;",
  ),
  core(
    "queue-log.ts",
    "a settled record stays on disk",
    '    this.#durability.remove(orderKey("m", this.#number, record.order));\n',
    "",
  ),
  core(
    "queue-log.ts",
    "one too many is settled on disk",
    "    const end = order + count;\n    for (let index",
    "    const end = order + count + (count > 1 ? 1 : 0);\n    for (let index",
  ),
  core(
    "queue-log.ts",
    "attempts are not written",
    "    this.#durability.put(key, sealed(key, value));\n  }\n\n  /** Wall",
    "  }\n\n  /** Wall",
  ),
  core(
    "queue-log.ts",
    "ids are not written",
    "    this.#durability.put(key, sealed(key, value));\n  }\n\n  /** A message id came",
    "  }\n\n  /** A message id came",
  ),
  core("queue-log.ts", "a known id is confirmed before it is on disk", "    this.#durability.dependsOnAll();\n", ""),
  core("queue-log.ts", "times are not written", "    this.#durability.put(key, sealed(key, value), isNew);\n", ""),
  core(
    "queue-fate.ts",
    "without a delay the present is written as one",
    "notBeforeMs === undefined ? 0 : this.#core.wallMs(notBeforeMs)",
    "this.#core.wallMs(notBeforeMs ?? this.#core.nowMs())",
  ),
  core(
    "recovery.ts",
    "what is settled comes back",
    "const settled = settledValue === undefined ? [] : decodeRanges(settledValue);",
    "const settled: [number, number][] = settledValue === undefined ? [] : [];\n  void decodeRanges;",
  ),
  core(
    "recovery.ts",
    "attempts are not read",
    "    queue.recall(run, noted?.attempt, noted?.times);",
    "    queue.recall(run, undefined, noted?.times);",
  ),
  core(
    "recovery.ts",
    "a damaged value is passed over",
    "    if (text === undefined) throw new DamagedStore(`${aboutKey(key)} can't be read`);",
    "    if (text === undefined) continue;",
  ),
  core(
    "recovery.ts",
    "the first message of a record is lost",
    "    if (isGone) continue;",
    "    if (isGone || (offset === 1 && count > 1)) continue;",
  ),
  core(
    "recovery.ts",
    "a new message gets the place of an old one",
    "  found.nextOrder = Math.max(found.nextOrder, order + count);",
    "  found.nextOrder = order;",
  ),
  core(
    "recovery.ts",
    "retained values are not read",
    '    if (kind === "r") recoverRetained(core, key, value);',
    '    if (kind === "r" && key.length > 40) recoverRetained(core, key, value);',
  ),
  core(
    "recovery.ts",
    "ids are not read",
    '    else if (kind === "i") of.queue.recallId(readText(key, 5), value.readDoubleBE(0));',
    '    else if (kind === "i") readText(key, 5);',
  ),
  core(
    "durable-keys.ts",
    "a value is not checked against its key",
    '  return crc32(value.subarray(4), crc32(Buffer.from(key, "latin1")));',
    "  return crc32(value.subarray(4), key.length);",
  ),
  core(
    "durable-keys.ts",
    "damage is not looked for",
    "value.readUInt32BE(0) !== checksum(key, value)",
    "value.readUInt32BE(0) === checksum(key, value) + 1",
  ),
  core(
    "peer.ts",
    "others' changes are waited for, one's own are not",
    "    if (durability.version !== this.#readVersion) this.#ownVersion = durability.version;",
    "",
  ),
  core(
    "hand-over.ts",
    "the disk is let go of before it is written",
    "  core.durability.close(() => {",
    "  core.durability.isClosed = true;\n  core.durability.close(() => {",
  ),
];
