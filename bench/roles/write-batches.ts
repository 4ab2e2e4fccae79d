// Writes the same batches straight to lmdb, in this process: an entry a message, a transaction a batch, each flushed to the disk before
// the next begins.

import { newPayload, stamp } from "../stamp.ts";
import { type BatchParams, type BatchResult, timeBatches } from "./batches.ts";
import type { Role } from "./role.ts";

export interface WriteBatchesParams extends BatchParams {
  readonly folder: string;
}

export const writeBatches: Role<WriteBatchesParams, BatchResult> = async (params, control) => {
  const { folder, bytes, batch } = params;
  const { open } = await import("lmdb");
  const db = open<Buffer, number>({ path: folder, encoding: "binary", keyEncoding: "uint32", overlappingSync: false });
  control.ready();
  await control.told("go");
  const payload = newPayload(bytes);
  let number = 0;
  const result = await timeBatches(params, async () => {
    for (let i = 0; i < batch; i++) {
      stamp(payload, number, 0);
      void db.put(number++, payload);
    }
    await db.flushed;
  });
  await db.close();
  return result;
};
