import { expect, test } from 'vitest';
import { Cancelled } from '../../errors.ts';
import { breatheUntil } from './breathe-until.ts';

const never = new Promise<never>(() => {});

test('a job breathes until its work is done, and gets what the work returns', async () => {
  const work = Promise.withResolvers<number>();
  let breaths = 0;
  const breathe = async () => {
    if (++breaths === 2) work.resolve(7);
    return 'continue' as const;
  };
  expect(await breatheUntil({ breathe }, work.promise)).toBe(7);
  expect(breaths).toBe(2);
  await expect(breatheUntil({ breathe }, Promise.reject(new Error('no data')))).rejects.toThrow('no data');
});

test('a job leaves its work when the runner stops, or when it is cancelled', async () => {
  expect(await breatheUntil({ breathe: async () => 'stop' }, never)).toBe('stop');
  const breathe = async () => {
    throw new Cancelled('the job was cancelled');
  };
  await expect(breatheUntil({ breathe }, never)).rejects.toBeInstanceOf(Cancelled);
});
