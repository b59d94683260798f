/** @file The job `tune`: compiles the programs of a training on the device, and measures their kernels there. */
import { Unprocessable } from '../../errors.ts';
import { readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { EMPTY_PROGRESS, Trainer } from '../training/trainer.ts';
import type { JobHandler } from './context.ts';
import { openEngine } from './engines.ts';
import { loadFrozenNets } from './frozen-nets.ts';
import { openPictures } from './open-pictures.ts';
import { readingOf } from './train-chunk.ts';

/** @param open Opens an engine for this job alone: a warm one may know kernels of other programs. */
export function createTuneJob(open: typeof openEngine = openEngine): JobHandler<'tune'> {
  return async (ctx, job) => {
    if (job.engine.autotune !== undefined) {
      throw new Unprocessable('the kernels of this engine are chosen', { expected: 'an engine without `autotune`' });
    }
    const started = performance.now();
    const config = await readKeyedConfig(ctx.blobs, job.config);
    const { micro_batch: microBatch, gradient_checkpointing: remat } = job.plan;
    const source = await openPictures(ctx, { dataset: job.dataset, ...readingOf(config) });
    const engine = await open(job.engine, { records: true });
    try {
      const frozen = await loadFrozenNets(ctx.blobs, job.weights ?? {});
      const trainer = new Trainer(engine, config, source, microBatch, EMPTY_PROGRESS, undefined, { remat, frozen });
      await trainer.compile(async (done, total) => {
        ctx.progress({ phase: 'compile', done, total, unit: 'programs', message: 'measuring kernels' });
        await ctx.breathe();
      });
      await trainer.dispose();
      const choices = engine.readChoices?.();
      return {
        outputs: choices ? { choices: await ctx.blobs.put(choices, 'text/plain') } : {},
        links: Object.values(job.weights ?? {}).flat(),
        stats: { seconds: (performance.now() - started) / 1000 },
      };
    } finally {
      await source.close();
      await engine.dispose();
    }
  };
}
