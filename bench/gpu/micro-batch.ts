/** @file The micro-batch with which a preset is measured. */
import { type Context, openClient } from './context.ts';
import type { PresetName } from './table.ts';

/** Micro-batches of at least 32,000 image tokens, which keep a large GPU busy and fit into 80 GB. */
const MICRO_BATCHES: Readonly<Record<PresetName, number>> = {
  'prod-0': 128,
  'prod-1': 32,
  'prod-2': 32,
  'seed-384': 16,
  'seed-768': 8,
};
const BYTES_FOR_THEM = 72e9;

/** The micro-batch to begin with: a power of two, fewer samples on a smaller card. */
export async function microBatchOf(name: PresetName, context: Context): Promise<number> {
  if (context.isSmall) return 2;
  const client = await openClient(context);
  const limit = client.device.readMemory()?.limit ?? BYTES_FOR_THEM;
  await client.dispose();
  const share = Math.min(1, limit / BYTES_FOR_THEM);
  return 2 ** Math.max(0, Math.floor(Math.log2(MICRO_BATCHES[name] * share)));
}
