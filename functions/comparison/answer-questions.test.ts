import { expect, test } from 'vitest';
import { answerQuestion } from './answer-questions.ts';
import type { Measure } from './measures.ts';
import type { Border, RunRecord } from './read-run.ts';

interface Told {
  readonly value: number;
  readonly clamp: number;
}

const loss: Measure = {
  ...{ key: 'held_out_loss', label: 'loss', unit: '', better: 'lower' },
  meaning: run => ({ objective: { t_clamp: (run as unknown as Told).clamp } }),
  of: run => ({ value: (run as unknown as Told).value }),
};

/** Two runs of an arm whose losses are weighed with a clamp. */
const armOf = (name: string, value: number, clamp: number) => ({
  name,
  runs: [0, 1].map(seed => ({ experiment: `${name}-${seed}`, seed, value: value + seed / 100, clamp }) as never),
});

function answer(clamp: number) {
  const arms = [armOf('a', 3, 0.05), armOf('b', 1, clamp)] as const;
  const budget = { at: 'samples', budget: 1, borderOf: (_: RunRecord) => ({ step: 1 }) as Border } as const;
  const question = { question: 'Is b better?', base: 'a', arm: 'b', measures: ['held_out_loss'] };
  return answerQuestion(question, arms, [budget], [loss]).sentences;
}

test('an answer says whether the difference is real', () => {
  expect(answer(0.05)).toEqual([
    expect.stringMatching(/^loss at equal samples: b 1, a 3; .* The difference is real.$/),
  ]);
});

test('an answer says that a number which means something else in each arm tells nothing, and why', () => {
  expect(answer(0.2)).toEqual([expect.stringMatching(/means something else in each, by objective.t_clamp.$/)]);
});
