/** @file The job `rate`: how fast an engine of this machine multiplies matrices. */
import type { JobHandler } from './context.ts';
import { peakRate } from './peak-rate.ts';

export function createRateJob(): JobHandler<'rate'> {
  return async (ctx, { engine }) => {
    const rate = await peakRate(await ctx.engine(engine));
    return { outputs: {}, links: [], stats: { operations_per_second: Math.round(rate) } };
  };
}
