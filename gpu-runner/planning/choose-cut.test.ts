import { describe, expect, it } from 'vitest';
import { type CutQuestion, chooseCut } from './choose-cut.ts';
import type { Cut } from './programs.ts';

const SIZES = [1, 2, 4, 8, 16, 32, 64];

/** A device on which a sample takes 10 bytes, or 2 with checkpointing, beside 100 fixed ones, and somewhat more. */
function ask(changes: Partial<CutQuestion> & { readonly wrongBy?: number }) {
  const measured: Cut[] = [];
  const truth = ({ micro_batch, gradient_checkpointing }: Cut) =>
    100 + (gradient_checkpointing ? 2 : 10) * micro_batch + Math.sqrt(micro_batch);
  const answer = chooseCut({
    budget: 200,
    fixed: 100,
    sizes: SIZES,
    asked: {},
    limit: 3,
    guess: cut => 100 + (changes.wrongBy ?? 1) * (truth(cut) - 100),
    measure: async cut => {
      measured.push(cut);
      return truth(cut);
    },
    ...changes,
  });
  return { answer, measured };
}

describe('the choice of micro-batch and gradient checkpointing', () => {
  it.each([
    [1, 1],
    [2.5, 2],
    [0.2, 3],
  ])(
    'finds the largest micro-batch that fits when guesses are %d times the truth, in %i measurements',
    async (wrongBy, count) => {
      const { answer, measured } = ask({ wrongBy });
      const { chosen, fits } = await answer;
      expect([fits, chosen.micro_batch, chosen.gradient_checkpointing]).toEqual([true, 8, false]);
      expect(measured.length).toBeLessThanOrEqual(count);
    },
  );

  it('measures a size that a line through one measurement puts just above the budget', async () => {
    // The line through (0, 85) and the measurement of 8 expects 281 for 16 samples; 264 is true.
    const guess = ({ micro_batch }: Cut) => 85 + 20 * micro_batch;
    expect((await ask({ budget: 265, fixed: 85, guess }).answer).chosen.micro_batch).toBe(16);
    expect((await ask({ budget: 262, fixed: 85, guess }).answer).chosen.micro_batch).toBe(8);
  });

  it('is the answer of a measurement, never of the line', async () => {
    const { chosen, tried } = await ask({ wrongBy: 3 }).answer;
    expect(tried).toContainEqual(chosen);
  });

  it('takes all samples at once when there is room, in one measurement', async () => {
    const { answer, measured } = ask({ budget: 5000 });
    expect((await answer).chosen.micro_batch).toBe(64);
    expect(measured).toHaveLength(1);
  });

  it('takes gradient checkpointing only when nothing fits without it', async () => {
    const { answer, measured } = ask({ budget: 108 });
    expect((await answer).chosen).toMatchObject({ micro_batch: 2, gradient_checkpointing: true });
    expect(measured.length).toBeLessThanOrEqual(3);
    // Far too large for the guess: not even tried.
    const far = ask({ budget: 104, fixed: 0, guess: cut => (cut.gradient_checkpointing ? 103 : 900) });
    expect((await far.answer).chosen).toMatchObject({ micro_batch: 1, gradient_checkpointing: true });
    expect(far.measured.every(cut => cut.gradient_checkpointing)).toBe(true);
  });

  it('keeps the parts that were asked for', async () => {
    const fixed = await ask({ asked: { micro_batch: 32 } }).answer;
    expect(fixed.chosen).toMatchObject({ micro_batch: 32, gradient_checkpointing: true });
    const off = await ask({ asked: { micro_batch: 32, gradient_checkpointing: false } }).answer;
    expect([off.fits, off.tried.length]).toEqual([false, 1]);
  });

  it('says that nothing fits, with the smallest peak that was found', async () => {
    const { fits, chosen } = await ask({ budget: 90 }).answer;
    expect(fits).toBe(false);
    expect(chosen).toMatchObject({ micro_batch: 1, gradient_checkpointing: true, bytes: 103 });
  });
});
