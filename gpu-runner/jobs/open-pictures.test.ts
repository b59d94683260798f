import { expect, test } from 'vitest';
import type { ProgressEvent } from '../../configs/progress.ts';
import { Cancelled } from '../../errors.ts';
import { digestOf } from '../../storage/digest.ts';
import type { TrainingSource } from '../training/source.ts';
import type { JobContext } from './context.ts';
import { openPictures } from './open-pictures.ts';

const options = { dataset: digestOf('dataset'), signals: [] };

/** A job whose pictures are opened when the test says so. */
function setUp(breathe: JobContext['breathe']) {
  const opening = Promise.withResolvers<TrainingSource>();
  const closed = Promise.withResolvers<void>();
  const events: ProgressEvent[] = [];
  const source: TrainingSource = {
    index: { ids: [], sizes: [], longest: {}, encoders: {} },
    load: async () => [],
    close: async () => closed.resolve(),
  };
  const ctx: JobContext = {
    blobs: {} as JobContext['blobs'],
    engine: () => Promise.reject(new Error('no engine is needed')),
    openSource: (_, onPage) => {
      onPage(1, 3);
      return opening.promise;
    },
    progress: event => events.push(event),
    breathe,
  };
  return { ctx, opening, closed, events, source };
}

test('a job breathes until its pictures are open, and tells the pages', async () => {
  let breaths = 0;
  const { ctx, opening, events, source } = setUp(async () => {
    if (++breaths === 2) opening.resolve(source);
    return 'continue';
  });
  expect(await openPictures(ctx, options)).toBe(source);
  expect(breaths).toBe(2);
  expect(events).toEqual([{ phase: 'load', done: 1, total: 3, unit: 'pages' }]);
});

test.each([
  ['is cancelled', () => Promise.reject(new Cancelled('the job was cancelled'))],
  ['is interrupted, since the runner stops,', async () => 'stop' as const],
])('a job that %s leaves its pictures, which are closed when they are open', async (_, breathe) => {
  const { ctx, opening, closed, source } = setUp(breathe);
  await expect(openPictures(ctx, options)).rejects.toBeInstanceOf(Cancelled);
  opening.resolve(source);
  await closed.promise;
});

test('the error of an opening is that of the job', async () => {
  const { ctx, opening } = setUp(async () => 'continue');
  opening.reject(new RangeError('no pages'));
  await expect(openPictures(ctx, options)).rejects.toThrow('no pages');
});
