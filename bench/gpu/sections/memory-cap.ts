/** @file The production network in training, with a client that may take no more than a card of 24 GB has. */
import { DeviceMemoryExhausted } from '../../../gpu-runner/engines/xla/pjrt/calls.ts';
import { EMPTY_PROGRESS, Trainer } from '../../../gpu-runner/training/trainer.ts';
import { configOf, repeatedSource } from '../bench-config.ts';
import { baseFlags, openClient, type RunSection } from '../context.ts';
import { createPlainEngine } from '../plain-engine.ts';

/** What an RTX 4090 has, less the CUDA context and the workspaces of libraries. */
const CAP_BYTES = 22.5e9;
const CUTS = [
  { microBatch: 16, remat: false },
  { microBatch: 8, remat: false },
  { microBatch: 8, remat: true },
  { microBatch: 2, remat: true },
] as const;

export const run: RunSection = async (context, report) => {
  const { config: whole, frame } = await configOf('prod-1', context.isSmall);
  const total = await readLimit(context);
  for (const { microBatch, remat } of CUTS) {
    const client = await openClient(context, total === undefined ? 0.9 : Math.min(0.95, CAP_BYTES / total));
    const lowering = { attention: context.platform === 'cuda' ? 'cudnn' : 'primitive' } as const;
    const flags = { ...baseFlags(context), ...(context.platform === 'cuda' && { xla_gpu_autotune_level: 0 }) };
    const tuning = { fusesAttention: context.platform === 'cuda' };
    const engine = { ...createPlainEngine(client, { precision: 'bf16', lowering, flags }), tuning };
    const config = { ...whole, data: { ...whole.data, batch_size: microBatch } };
    const cut = { micro_batch: microBatch, gradient_checkpointing: remat };
    try {
      const source = repeatedSource(config, frame);
      const trainer = new Trainer(engine, config, source, microBatch, EMPTY_PROGRESS, undefined, { remat });
      const losses = [(await trainer.step()).loss, (await trainer.step()).loss];
      const { limit, peakInUse } = client.device.readMemory() ?? {};
      report({
        ...cut,
        fits: losses.every(Number.isFinite),
        cap_gb: (limit ?? Number.NaN) / 1e9,
        peak_gb: (peakInUse ?? Number.NaN) / 1e9,
      });
      return;
    } catch (error) {
      if (!(error instanceof DeviceMemoryExhausted)) throw error;
      report({ ...cut, fits: false, reason: error.message.slice(0, 160) });
    } finally {
      await client.dispose();
    }
  }
};

/** Bytes of the whole device; undefined if it does not count them. */
async function readLimit(context: Parameters<RunSection>[0]): Promise<number | undefined> {
  const client = await openClient(context, 0.9);
  const limit = client.device.readMemory()?.limit;
  await client.dispose();
  return limit === undefined ? undefined : limit / 0.9;
}
