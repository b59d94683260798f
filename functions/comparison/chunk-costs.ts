/** @file What chunks of a training cost, by the numbers that their machine told. */

export interface MeasuredChunk {
  readonly from: number;
  readonly to: number;
  /** By the tags of TensorBoard. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Of training alone, on the clock; undefined if the chunk does not tell its speed. */
export function secondsPerStep({ metrics = {} }: MeasuredChunk): number | undefined {
  const rate = metrics['sys/iter_per_sec'];
  return rate === undefined || rate <= 0 ? undefined : 1 / rate;
}

/** Of training alone, on the clock; undefined if a chunk does not tell its speed. */
export function secondsOf(chunks: readonly MeasuredChunk[]): number | undefined {
  return addUp(chunks, secondsPerStep);
}

/** Of all cores together; undefined if a chunk does not tell it. */
export function processorSecondsOf(chunks: readonly MeasuredChunk[]): number | undefined {
  return addUp(chunks, ({ metrics = {} }) => metrics['sys/cpu_seconds_per_iter']);
}

/**
 * GB: the peak of the device since its gpu-runner started, where the engine tells it; else the memory of the process.
 * The largest of the chunks that tell it.
 */
export function memoryOf(chunks: readonly MeasuredChunk[]): number | undefined {
  const found = chunks.flatMap(({ metrics = {} }) => metrics['memory/peak_vram_gb'] ?? metrics['memory/rss_gb'] ?? []);
  return found.length === 0 ? undefined : Math.max(...found);
}

/** Kilowatt-hours of processors and cards; undefined if no chunk tells one, or a chunk lacks what another tells. */
export function energyOf(chunks: readonly MeasuredChunk[]): number | undefined {
  const parts = ['sys/processor_kwh', 'sys/card_kwh'].filter(tag => chunks.some(({ metrics = {} }) => tag in metrics));
  const told = chunks.flatMap(({ metrics = {} }) => parts.map(tag => metrics[tag] ?? Number.NaN));
  const sum = told.reduce((a, b) => a + b, 0);
  return parts.length > 0 && Number.isFinite(sum) ? sum : undefined;
}

function addUp(
  chunks: readonly MeasuredChunk[],
  perStep: (chunk: MeasuredChunk) => number | undefined,
): number | undefined {
  let sum = 0;
  for (const chunk of chunks) {
    const each = perStep(chunk);
    if (each === undefined) return undefined;
    sum += (chunk.to - chunk.from) * each;
  }
  return sum > 0 ? sum : undefined;
}
