// Batches one after the other, each confirmed before the next begins: the loop of those who write them to the bus or to a disk.

export interface BatchParams {
  readonly bytes: number;
  /** Messages in each. */
  readonly batch: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface BatchResult {
  /** Messages, those of the warm-up among them. */
  readonly sent: number;
  /** Messages a second, those of the warm-up not among them. */
  readonly perSecond: number;
}

/** `one` writes a batch, and resolves once it is confirmed. */
export async function timeBatches(
  { batch, warmUpMs, durationMs }: BatchParams,
  one: () => Promise<void>,
): Promise<BatchResult> {
  const run = async (ms: number): Promise<{ batches: number; tookMs: number }> => {
    const startMs = performance.now();
    let batches = 0;
    while (performance.now() - startMs < ms) {
      await one();
      batches++;
    }
    return { batches, tookMs: performance.now() - startMs };
  };
  const warmUp = await run(warmUpMs);
  const { batches, tookMs } = await run(durationMs);
  return { sent: (warmUp.batches + batches) * batch, perSecond: (batches * batch * 1000) / tookMs };
}
