import type { JobContext } from './context.ts';

const BREATH_MS = 100;

/**
 * Breathes while other threads or processes do the work.
 * @returns What the work returns; `stop` if the runner shuts down before.
 * @throws what the work throws, Cancelled. The work goes on then.
 */
export async function breatheUntil<T>(ctx: Pick<JobContext, 'breathe'>, work: Promise<T>): Promise<T | 'stop'> {
  // A job that is cancelled meanwhile leaves the work alone.
  work.catch(() => {});
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const tick = new Promise<'tick'>(resolve => {
      timer = setTimeout(resolve, BREATH_MS, 'tick');
    });
    const outcome = await Promise.race([work, tick]).finally(() => clearTimeout(timer));
    if (outcome !== 'tick') return outcome;
    if ((await ctx.breathe()) === 'stop') return 'stop';
  }
}
